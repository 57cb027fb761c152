//! A proxy between the store and PostgreSQL that loses the answer of a commit, in one of two ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use store::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_postgres::Config;

/// What happens to the next commit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It reaches the server; its answer does not come back.
    Answer,
    /// It does not reach the server, which for a while does not hear that its client is gone.
    Commit,
}

/// How long the server does not hear.
pub(crate) const DEAF: Duration = Duration::from_millis(300);

/// A running proxy.
pub(crate) struct Proxy {
    /// The address of the database, through the proxy.
    pub(crate) url: Url,
    armed: Arc<AtomicBool>,
}

impl Proxy {
    /// A proxy that loses commits once it is armed.
    pub(crate) async fn start(url: &Url, loss: Loss) -> Self {
        let Url::Postgres(text) = url else { panic!("a database") };
        let config: Config = text.parse().unwrap();
        let port = config.get_ports()[0];
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let armed = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&armed);
        Handle::current().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                Handle::current().spawn(relay(client, server, loss, Arc::clone(&shared)));
            }
        });
        Self { url: text.replace(&port.to_string(), &own.to_string()).parse().unwrap(), armed }
    }

    /// The next commit is lost, with its connection.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, loss: Loss, armed: Arc<AtomicBool>) {
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let sent = match read { Ok(count) if count > 0 => &up[..count], _ => return };
                let commits = sent.windows(7).any(|word| word == b"COMMIT\0");
                if commits && armed.swap(false, Ordering::SeqCst) {
                    if loss == Loss::Answer {
                        server.write_all(sent).await.unwrap();
                        assert_ne!(server.read(&mut down).await.unwrap(), 0, "the commit was answered");
                    }
                    drop(client);
                    tokio::time::sleep(DEAF).await;
                    return;
                }
                server.write_all(sent).await.unwrap();
            }
            read = server.read(&mut down) => {
                let Ok(count) = read else { return };
                if count == 0 || client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
