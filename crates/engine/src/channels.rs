//! The channel accounts that this deployment has, as data: what each can do, and where external legs may go.

use channel::profile::Profiles;
use payment::{ChannelAccount, Routes};

/// Channel accounts with their profiles, and routes over them.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    /// What each account's institution can do.
    pub profiles: Profiles,
    /// Where external legs may go, best first.
    pub routes: Routes,
}

impl Channels {
    /// Routes over all accounts, in the order of their names.
    pub fn new(profiles: Profiles) -> Self {
        let account = |(name, profile): (&String, &channel::Profile)| ChannelAccount {
            name: name.clone(),
            methods: profile.methods.iter().map(|method| (*method).to_owned()).collect(),
            payouts: profile.payouts.clone(),
        };
        let accounts = profiles.iter().map(account).collect();
        Self { profiles, routes: Routes { accounts } }
    }
}
