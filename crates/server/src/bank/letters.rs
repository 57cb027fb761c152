//! The institution's post: letters to our own door, over HTTP like anybody's.

use std::sync::Arc;
use std::time::Duration;

use channel::Account;
use channel::sandbox::bank::{self, Letter};
use kernel::Time;
use metrics::counter;
use reqwest::{Client, redirect};
use tokio::sync::Semaphore;

use super::teller::Teller;
use crate::ports;
use crate::telemetry::BANK_NOTIFICATIONS;

/// Letters on their way at a time.
const ON_THE_WAY: usize = 64;
/// Longest time for one.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends letters and tells the institution which were taken.
pub(super) struct Post {
    client: Client,
    url: String,
    account: Account,
    teller: Teller,
    places: Arc<Semaphore>,
}

impl Post {
    pub(super) fn new(base: String, account: Account, teller: Teller) -> Result<Self, reqwest::Error> {
        // Our own door is plain HTTP on this machine; no authorities are needed to set up TLS that is never used.
        let tls = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()?;
        let url = format!("{base}/notify/{}", account.name);
        Ok(Self { client, url, account, teller, places: Arc::new(Semaphore::new(ON_THE_WAY)) })
    }

    /// How many more may be sent now.
    pub(super) fn room(&self) -> usize {
        self.places.available_permits()
    }

    /// Sends a letter; without an acknowledgement it is due again by the record.
    pub(super) fn send(&self, number: String, letter: &Letter, now: Time) {
        let message = bank::envelope(letter, &self.account, now);
        let mut request = self.client.post(&self.url).header("content-type", "application/json").body(message.body);
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        let (teller, places, letter) = (self.teller.clone(), Arc::clone(&self.places), letter.no);
        ports::task(async move {
            let Ok(_place) = places.acquire_owned().await else { return };
            let taken = is_taken(request).await;
            let outcome = if taken { "acknowledged" } else { "not_acknowledged" };
            counter!(BANK_NOTIFICATIONS, "outcome" => outcome).increment(1);
            if taken {
                teller.acknowledged(number, letter).await;
            }
        });
    }
}

async fn is_taken(request: reqwest::RequestBuilder) -> bool {
    match request.send().await {
        Ok(answer) if answer.status().as_u16() == 200 => {
            answer.text().await.is_ok_and(|text| text == bank::ACKNOWLEDGED)
        }
        Ok(_) | Err(_) => false,
    }
}
