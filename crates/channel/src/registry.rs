//! The adapters that a deployment knows: one line each.

use crate::adapter::Adapter;
use crate::sandbox::Sandbox;

/// All adapters, by name.
pub struct Registry {
    adapters: Vec<Box<dyn Adapter>>,
}

impl Registry {
    /// For the live environment: the simulated institution does not exist there.
    pub fn live() -> Self {
        Self { adapters: Vec::new() }
    }

    /// For the test environment.
    pub fn test() -> Self {
        Self::live().with(Sandbox)
    }

    /// Adds one; of two with the same name the later counts.
    pub fn with(mut self, adapter: impl Adapter + 'static) -> Self {
        self.adapters.insert(0, Box::new(adapter));
        self
    }

    /// The adapter of this name.
    pub fn get(&self, name: &str) -> Option<&dyn Adapter> {
        self.adapters.iter().find(|adapter| adapter.name() == name).map(AsRef::as_ref)
    }
}
