//! What a story is played on: a store, a server, and a client; and how every story ends.

use std::cell::RefCell;
use std::ops::Deref;

use crate::api::Api;
use crate::server::{KEY, Server, Settings};
use crate::store::{Engine, Store};

/// The currencies that stories are played in.
const CURRENCIES: [&str; 4] = ["CNY", "USD", "BRL", "JPY"];

/// A store with a server on it. As an [`Api`] it speaks with the platform's key.
pub(crate) struct Host {
    pub(crate) store: Store,
    settings: Settings,
    server: RefCell<Option<Server>>,
    api: Api,
}

impl Deref for Host {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Host {
    /// A new store and a server on it; none where PostgreSQL is not installed.
    pub(crate) fn start(engine: Engine, settings: Settings) -> Option<Self> {
        Some(Self::on(Store::new(engine)?, settings))
    }

    /// A server on this store.
    pub(crate) fn on(store: Store, settings: Settings) -> Self {
        let server = Server::start(&store, settings, "127.0.0.1:0").unwrap();
        let api = Api::new(&server.address, KEY);
        Self { store, settings, server: RefCell::new(Some(server)), api }
    }

    /// Kills the server with SIGKILL.
    pub(crate) fn kill(&self) {
        self.server.take().expect("a server runs").kill();
    }

    /// Tells the server to stop, and checks that it ends well.
    pub(crate) fn stop(&self) {
        let server = self.server.take().expect("a server runs");
        assert_eq!(server.errors(), Vec::<String>::new(), "the server logged errors");
        let status = server.stop();
        assert_eq!(status.code(), Some(0), "after SIGTERM");
    }

    /// The server has ended by itself, as it was told.
    pub(crate) fn forget(&self) {
        drop(self.server.take());
    }

    /// Starts the server again, on the same store and address.
    pub(crate) fn restart(&self) {
        let server = Server::start(&self.store, self.settings, &self.api.address).unwrap();
        assert!(self.server.replace(Some(server)).is_none(), "one runs already");
    }

    /// Another process on the same store.
    pub(crate) fn another(&self) -> Result<Server, String> {
        Server::start(&self.store, self.settings, "127.0.0.1:0")
    }

    /// Runs something with the server's process.
    pub(crate) fn with_server<T>(&self, work: impl FnOnce(&mut Server) -> T) -> T {
        work(self.server.borrow_mut().as_mut().expect("a server runs"))
    }

    /// What must be true at the end of every story.
    pub(crate) async fn end(self) {
        self.assert_sound().await;
        self.stop();
    }

    /// The same where something was done to the server or its database: then it may have logged errors.
    pub(crate) async fn end_after_faults(self) {
        self.assert_sound().await;
        let server = self.server.take().expect("a server runs");
        assert!(!server.log().contains("panicked"), "{}", server.log());
        assert_eq!(server.stop().code(), Some(0), "after SIGTERM");
    }

    async fn assert_sound(&self) {
        for currency in CURRENCIES {
            self.api.trial_balance(currency).await.assert_balanced();
        }
        self.store.verify();
    }
}

/// Plays a story on a host of its own, to the common end.
pub(crate) fn play(engine: Engine, settings: Settings, story: impl AsyncFn(&Host)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Some(host) = Host::start(engine, settings) else { return };
        story(&host).await;
        host.end().await;
    });
}

/// Makes of each story, an `async fn(&Host)`, two tests, one on each database; settings stand behind the name.
macro_rules! on_both {
    ($($story:ident $([$($key:literal = $value:literal),*])?),* $(,)?) => {
        $(mod $story {
            #[test]
            fn sqlite() {
                $crate::host::play($crate::store::Engine::Sqlite, &[$($(($key, $value)),*)?], super::$story);
            }

            #[test]
            fn postgres() {
                $crate::host::play($crate::store::Engine::Postgres, &[$($(($key, $value)),*)?], super::$story);
            }
        })*
    };
}
