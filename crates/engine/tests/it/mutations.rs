//! Good data leaves the verifier silent; each mutation makes its invariant speak.

use crate::stories::play;
use crate::world::{Engine, World};

fn silent(engine: Engine) {
    let Some(mut world) = World::new(engine) else { return };
    play(&mut world);
    let report = world.verify();
    for finding in &report.findings {
        println!("{finding}");
    }
    assert!(report.is_clean());
    println!("{:?}", report.checked);
}

#[test]
fn good_data_is_silent_in_memory() {
    silent(Engine::Memory);
}

#[test]
fn good_data_is_silent_on_files() {
    silent(Engine::Files);
}

#[test]
fn good_data_is_silent_on_postgres() {
    silent(Engine::Postgres);
}
