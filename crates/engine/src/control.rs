//! Control data: merchants, API keys, webhook endpoints, rule books, blocks, switches, the store's salt.
//!
//! It lives once, as append-only versions; every node keeps a snapshot of the newest ones, and a batch uses one snapshot.
//! A change is published in-process at its commit; other nodes refresh every two seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use kernel::message::risk::{BlockKind, Switch};
use kernel::{BlockId, EndpointId, KeyId, MerchantId, RootId, Time};
use rules::{Release, RuleBook, Shelf};
use serde::{Deserialize, Serialize};
use store::tables::shard::Control as Record;
use store::{Cell, Reader, Row as _, StoreError};

/// A merchant (商户).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// Its name, for people.
    pub name: String,
    /// Since when, microseconds.
    pub created_at: i64,
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Whose; the platform's where `None`.
    pub merchant: Option<MerchantId>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// BLAKE3 of the secret.
    pub hash: [u8; 32],
    /// Since when, microseconds.
    pub created_at: i64,
    /// Since when it is worth nothing.
    pub revoked_at: Option<i64>,
}

/// A webhook endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Whose events; all where `None`.
    pub merchant: Option<MerchantId>,
    /// Where to.
    pub url: String,
    /// Which types; all where empty.
    pub types: Vec<String>,
    /// The signing secret, `whsec_…`.
    pub secret: String,
    /// Since when, microseconds.
    pub created_at: i64,
    /// Since when nothing is sent any more.
    pub disabled_at: Option<i64>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Endpoint({:?}, {})", self.merchant, self.url)
    }
}

/// A version of a rule book, as it was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleVersion {
    /// The book.
    pub book: String,
    /// Its text.
    pub source: String,
    /// Who uploaded it.
    pub uploaded_by: KeyId,
    /// When, microseconds.
    pub created_at: i64,
}

/// A version of a rule book comes into use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRelease {
    /// The book.
    pub book: String,
    /// Its version; 1 takes the book out of use.
    pub version: i64,
    /// From when on, microseconds.
    pub from: i64,
    /// Who said so.
    pub by: KeyId,
    /// When, microseconds.
    pub created_at: i64,
}

/// Somebody or something that risk control lets pay nothing (黑名单).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it names.
    pub kind: BlockKind,
    /// Which one.
    pub value: String,
    /// Why, in words.
    pub reason: String,
    /// Until when, microseconds; until it is lifted where `None`.
    pub until: Option<i64>,
    /// Who said so.
    pub by: KeyId,
    /// Since when, microseconds.
    pub created_at: i64,
    /// Who lifted it, and when, microseconds.
    pub lifted: Option<(KeyId, i64)>,
}

impl Block {
    /// Whether it holds at a moment.
    pub fn holds(&self, at: Time) -> bool {
        self.lifted.is_none() && self.until.is_none_or(|until| at.micros() < until)
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({:?})", self.kind)
    }
}

/// Something was switched off for a while, or on again (降级).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throw {
    /// Whether what the switch is for is off from then on.
    pub on: bool,
    /// Why, in words.
    pub reason: String,
    /// Who said so.
    pub by: KeyId,
    /// When, microseconds.
    pub at: i64,
}

/// What a store is born with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// Mixed into everything that is derived and must not be guessed: account ids, checks in event ids.
    pub salt: [u8; 32],
}

/// One new version of one piece of control data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// What the store is born with.
    Birth(Birth),
    /// A merchant.
    Merchant(MerchantId, Merchant),
    /// An API key.
    Key(KeyId, ApiKey),
    /// A webhook endpoint.
    Endpoint(EndpointId, Endpoint),
    /// A block.
    Block(BlockId, Block),
    /// A switch was thrown.
    Switch(Switch, Throw),
    /// A version of a rule book, by its number.
    Rules(i64, RuleVersion),
    /// A release of a rule book, by its number.
    Release(i64, RuleRelease),
}

impl Version {
    fn place(&self) -> (&'static str, RootId) {
        match self {
            Self::Birth(_) => ("birth", RootId::from_bytes([0; 16])),
            Self::Merchant(id, _) => ("merchant", id.0),
            Self::Key(id, _) => ("key", id.0),
            Self::Endpoint(id, _) => ("endpoint", id.0),
            Self::Block(id, _) => ("block", id.0),
            Self::Switch(switch, _) => ("switch", numbered(switch.number())),
            Self::Rules(number, _) => ("rules", numbered(*number)),
            Self::Release(number, _) => ("rule_release", numbered(*number)),
        }
    }
}

/// A number in the place of an id, in the order of numbers.
fn numbered(number: i64) -> RootId {
    RootId::from_bytes(i128::from(number).to_be_bytes())
}

/// A snapshot of the newest versions.
#[derive(Clone, Default)]
pub struct Control {
    /// The store's salt; zeros before its birth.
    pub salt: [u8; 32],
    /// Merchants.
    pub merchants: BTreeMap<MerchantId, Arc<Merchant>>,
    /// API keys.
    pub keys: BTreeMap<KeyId, Arc<ApiKey>>,
    /// API keys by the hash of their secret.
    pub keys_by_hash: BTreeMap<[u8; 32], KeyId>,
    /// Webhook endpoints.
    pub endpoints: BTreeMap<EndpointId, Arc<Endpoint>>,
    /// Whom and what risk control lets pay nothing.
    pub blocks: BTreeMap<BlockId, Arc<Block>>,
    /// The blocks by what they name.
    blocked: BTreeMap<(BlockKind, String), Vec<BlockId>>,
    /// How often each switch was thrown, in order.
    pub switches: BTreeMap<Switch, Vec<Arc<Throw>>>,
    /// Rule books as they were uploaded, by the number of their version.
    pub rule_versions: BTreeMap<i64, Arc<RuleVersion>>,
    /// Their releases, in the order in which they were decided.
    pub rule_releases: Vec<Arc<RuleRelease>>,
    /// Rule books, checked, and which one holds when.
    pub rules: Shelf,
    versions: BTreeMap<(&'static str, RootId), i64>,
    /// Whether the store was born.
    pub born: bool,
}

impl Control {
    /// Takes in a newer version; says which number it has.
    pub fn apply(&mut self, version: &Version) -> i64 {
        match version {
            Version::Birth(birth) => {
                self.salt = birth.salt;
                self.born = true;
            }
            Version::Merchant(id, merchant) => {
                self.merchants.insert(*id, Arc::new(merchant.clone()));
            }
            Version::Key(id, key) => {
                self.keys_by_hash.insert(key.hash, *id);
                self.keys.insert(*id, Arc::new(key.clone()));
            }
            Version::Endpoint(id, endpoint) => {
                self.endpoints.insert(*id, Arc::new(endpoint.clone()));
            }
            Version::Block(id, block) => {
                let known = self.blocks.insert(*id, Arc::new(block.clone()));
                if known.is_none() {
                    self.blocked.entry((block.kind, block.value.clone())).or_default().push(*id);
                }
            }
            Version::Switch(switch, throw) => {
                self.switches.entry(*switch).or_default().push(Arc::new(throw.clone()));
            }
            Version::Rules(number, version) => {
                self.rule_versions.insert(*number, Arc::new(version.clone()));
            }
            Version::Release(_, release) => {
                let from = Time::from_micros(release.from);
                self.rules.release(Release { book: release.book.clone(), version: release.version, from });
                self.rule_releases.push(Arc::new(release.clone()));
            }
        }
        let number = self.versions.entry(version.place()).or_insert(0);
        *number += 1;
        *number
    }

    /// The row of a version.
    pub fn row(shard: i64, seq: i64, number: i64, version: &Version) -> Result<Vec<Cell>, serde_json::Error> {
        let (kind, id) = version.place();
        let body = serde_json::to_string(version)?;
        let row = Record { shard, kind: kind.into(), id: id.bytes(), version: number, seq, body: body.into() };
        Ok(row.cells())
    }

    /// Reads the newest versions from the store. Rule books that `known` has already checked are taken from there.
    pub async fn load(reader: &dyn Reader, shard: i64, known: &Self) -> Result<Self, StoreError> {
        let ask = store::Ask { table: Record::TABLE, keys: vec![Vec::new()] };
        let snapshot = reader.load(shard, vec![ask]).await?;
        let mut control = Self::default();
        for row in snapshot.rows.into_iter().flatten() {
            let record = Record::from_cells(row)?;
            let version: Version = serde_json::from_str(&record.body)
                .map_err(|_| StoreError::broken("a control row holds no control data"))?;
            control.apply(&version);
        }
        control.check_rules(known)?;
        Ok(control)
    }

    /// Every version was checked when it was uploaded. One that this program cannot read stops it, rather than letting
    /// payments through by other rules.
    fn check_rules(&mut self, known: &Self) -> Result<(), StoreError> {
        for (number, version) in &self.rule_versions {
            let checked = match known.rules.version(*number) {
                Some(book) => Arc::clone(book),
                None => Arc::new(RuleBook::load(&version.source).map_err(|findings| {
                    let first = findings.first().map(ToString::to_string).unwrap_or_default();
                    StoreError::broken(format!("rule book {}, version {number}: {first}", version.book))
                })?),
            };
            self.rules.add(*number, checked);
        }
        Ok(())
    }

    /// Whether a block of this holds at a moment.
    pub fn is_blocked(&self, kind: BlockKind, value: String, at: Time) -> bool {
        let ids = self.blocked.get(&(kind, value)).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.blocks.get(id)).any(|block| block.holds(at))
    }

    /// Whether what a switch is for is off.
    pub fn is_off(&self, switch: Switch) -> bool {
        self.switches.get(&switch).and_then(|throws| throws.last()).is_some_and(|throw| throw.on)
    }

    /// Everything that is off.
    pub fn switches_off(&self) -> BTreeSet<Switch> {
        self.switches.keys().copied().filter(|switch| self.is_off(*switch)).collect()
    }

    /// How many versions it has taken in.
    fn count(&self) -> i64 {
        self.versions.values().sum()
    }

    /// The key with this secret's hash, unless it is revoked.
    pub fn key_of(&self, hash: &[u8; 32]) -> Option<(KeyId, &Arc<ApiKey>)> {
        let id = self.keys_by_hash.get(hash)?;
        self.keys.get(id).filter(|key| key.revoked_at.is_none()).map(|key| (*id, key))
    }

    /// The endpoints that want an event of this merchant and type.
    pub fn endpoints_for<'a>(
        &'a self,
        merchant: Option<MerchantId>,
        kind: &'a str,
    ) -> impl Iterator<Item = (EndpointId, &'a Arc<Endpoint>)> {
        self.endpoints.iter().filter_map(move |(id, endpoint)| {
            let wanted = endpoint.disabled_at.is_none()
                && (endpoint.merchant.is_none() || endpoint.merchant == merchant)
                && (endpoint.types.is_empty() || endpoint.types.iter().any(|wanted| wanted == kind));
            wanted.then_some((*id, endpoint))
        })
    }
}

/// The newest snapshot, shared by lines and doors.
#[derive(Clone, Default)]
pub struct Shared(Arc<RwLock<Arc<Control>>>);

impl Shared {
    /// Starts with a snapshot.
    pub fn new(control: Control) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(control))))
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Control> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it by a snapshot that was read from the store, if that has more versions: what a line has published
    /// meanwhile is not taken back.
    pub fn refresh(&self, read: Control) {
        let mut shared = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if read.count() > shared.count() {
            *shared = Arc::new(read);
        }
    }

    /// Replaces it.
    pub fn publish(&self, control: Arc<Control>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = control;
    }
}
