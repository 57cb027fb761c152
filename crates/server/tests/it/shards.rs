//! Several shards: buyers live in all of them, and nobody who speaks to the API can tell.

mod claims;
mod replays;
mod stripes;

use kernel::{Shards, UserId};

use crate::store::{Engine, Store, program, text};

/// The shards of these stories; their setting says the same.
const SHARDS: i64 = 4;

/// So many users of each shard, the shards in turn.
fn buyers(each: usize) -> Vec<String> {
    let shards = Shards::new(SHARDS).unwrap();
    let mut found = vec![Vec::new(); usize::try_from(SHARDS).unwrap()];
    for number in 0.. {
        let name = format!("u{number}");
        let owner = kernel::Owner::User(UserId::parse(&name).unwrap());
        let of_shard = &mut found[usize::try_from(shards.of(owner.bucket())).unwrap()];
        if of_shard.len() < each {
            of_shard.push(name);
        }
        if found.iter().all(|names| names.len() == each) {
            break;
        }
    }
    (0..each).flat_map(|place| found.iter().map(move |names| names[place].clone()).collect::<Vec<_>>()).collect()
}

#[test]
fn a_store_keeps_the_shards_it_was_made_with() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(store) = Store::new(engine) else { continue };
        let run = |command: &str, more: &[&str]| {
            let output = program()
                .args([command, "--listen", "127.0.0.1:0", "--store", &store.url])
                .args(more)
                .output()
                .unwrap();
            (output.status.code(), text(&output))
        };
        for wrong in ["0", "3", "512"] {
            let (code, said) = run("migrate", &["--shards", wrong]);
            assert_eq!(code, Some(2), "{said}");
            assert!(said.contains("shards: ") && said.contains("allowed"), "{said}");
        }
        assert_eq!(run("migrate", &["--shards", "4"]).0, Some(0));
        for (command, code) in [("serve", 2), ("migrate", 2), ("verify", 2), ("doctor", 1)] {
            let (ended, said) = run(command, &["--shards", "2"]);
            assert_eq!(ended, Some(code), "{command}: {said}");
            assert!(said.contains("made with 4 shards") && said.contains("asks for 2"), "{command}: {said}");
        }
        let (code, said) = run("verify", &["--shards", "4"]);
        assert!(code == Some(0) && said.contains("shard 3\n"), "{said}");
        store.verify();
    }
}
