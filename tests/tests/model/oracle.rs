//! The model: what memory and each tier hold, and what a read must return.

use cache_facade::ErrorKind;

pub(crate) const KEYS: usize = 4;
pub(crate) const LIFE: u64 = 60;
pub(crate) const GRACE: u64 = 600;
const EAGER: f64 = 0.8;
/// How long a removal is remembered in memory: as long as a load may last.
pub(crate) const LONGEST_LOAD: u64 = 60;

/// The order of births; stamps and tombstones take part in it.
type Birth = u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) text: String,
    born: Birth,
    since: u64,
}

/// The state of the process, which a restart loses.
#[derive(Debug, Default)]
pub(crate) struct Process {
    memory: [Option<Value>; KEYS],
    /// The last removal of each key, and until when it is remembered.
    removed: [(Birth, u64); KEYS],
    /// The stamp of each tag, once known.
    tags: [Option<Birth>; 2],
    cleared: Birth,
    /// Whether the clears of earlier processes were read.
    clears_known: bool,
    /// Whether it has ended a tag itself.
    ended_tag: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Tier {
    pub(crate) down: bool,
    held: [Option<Value>; KEYS],
    buried: [Birth; KEYS],
    tags: [Birth; 2],
    cleared: Birth,
    owed: Owed,
}

/// The writes pending for a tier that was down, which a restart loses.
#[derive(Debug, Default)]
struct Owed {
    keys: [Option<Due>; KEYS],
    tags: [Birth; 2],
    cleared: Birth,
}

#[derive(Clone, Debug)]
enum Due {
    Value(Value),
    Removal(Birth),
}

impl Due {
    fn born(&self) -> Birth {
        match self {
            Self::Value(value) => value.born,
            Self::Removal(born) => *born,
        }
    }
}

impl Tier {
    /// What the tier itself holds.
    pub(crate) fn held(&self, key: usize) -> Option<&Value> {
        self.held[key].as_ref()
    }

    /// What it holds as far as this process goes.
    pub(crate) fn seen(&self, key: usize) -> Option<&Value> {
        let held = self.held(key);
        let born = held.map_or(0, |value| value.born);
        match &self.owed.keys[key] {
            Some(Due::Value(value)) if value.born > born => Some(value),
            Some(Due::Removal(removed)) if *removed >= born => None,
            _ => held,
        }
    }

    /// Whether a value is pending for it.
    fn owes_value(&self, key: usize) -> bool {
        matches!(self.owed.keys[key], Some(Due::Value(_)))
    }

    /// Takes what is new to it, or is owed it. Returns whether it has it or will.
    fn tell(&mut self, key: usize, due: Due) -> bool {
        if self.down {
            let owed = &mut self.owed.keys[key];
            if owed.as_ref().is_none_or(|owed| owed.born() < due.born()) {
                *owed = Some(due);
            }
            return true;
        }
        if self.held[key].as_ref().is_some_and(|held| held.born == due.born()) {
            return true;
        }
        let newest = self.held[key].as_ref().map_or(0, |held| held.born).max(self.buried[key]);
        let is_newest = due.born() > newest;
        if is_newest {
            if let Due::Removal(born) = due {
                self.buried[key] = born;
            }
            self.held[key] = match due {
                Due::Value(value) => Some(value),
                Due::Removal(_) => None,
            };
        }
        is_newest
    }

    /// The tier, being up, was told all that it is owed.
    pub(crate) fn pay(&mut self, now: u64) {
        let owed = std::mem::take(&mut self.owed);
        for (key, due) in owed.keys.into_iter().enumerate() {
            let due = match due {
                // What has died meanwhile ends what was there before all the same.
                Some(Due::Value(value)) if now - value.since >= GRACE => Due::Removal(value.born),
                Some(due) => due,
                None => continue,
            };
            self.tell(key, due);
        }
        self.tags = [0, 1].map(|tag| self.tags[tag].max(owed.tags[tag]));
        self.cleared = self.cleared.max(owed.cleared);
    }

    fn end_tag(&mut self, tag: usize, born: Birth) {
        let tags = if self.down { &mut self.owed.tags } else { &mut self.tags };
        tags[tag] = born;
    }

    fn clear(&mut self, born: Birth) {
        *if self.down { &mut self.owed.cleared } else { &mut self.cleared } = born;
    }

    fn tag_seen(&self, tag: usize) -> Birth {
        self.tags[tag].max(self.owed.tags[tag])
    }

    fn cleared_seen(&self) -> Birth {
        self.cleared.max(self.owed.cleared)
    }
}

/// What a read may answer, and how many loads it takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) answers: Vec<Result<String, ErrorKind>>,
    pub(crate) loads: u64,
}

#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) now: u64,
    pub(crate) source_up: bool,
    pub(crate) tiers: Vec<Tier>,
    process: Process,
    births: Birth,
    loads: [u64; KEYS],
    eager: bool,
}

impl Oracle {
    pub(crate) fn new(tiers: usize, eager: bool) -> Self {
        Self {
            now: 0,
            source_up: true,
            tiers: (0..tiers).map(|_| Tier::default()).collect(),
            process: Process::default(),
            births: 0,
            loads: [0; KEYS],
            eager,
        }
    }

    fn birth(&mut self) -> Birth {
        self.births += 1;
        self.births
    }

    fn fresh(&self, value: &Value) -> bool {
        self.now - value.since < LIFE
    }

    fn due(&self, value: &Value) -> bool {
        self.eager && (self.now - value.since) as f64 >= LIFE as f64 * EAGER
    }

    fn dead(&self, value: &Value) -> bool {
        self.now - value.since >= GRACE || value.born <= self.process.cleared
    }

    /// What memory can serve.
    pub(crate) fn near(&self, key: usize) -> Option<Value> {
        let value = self.process.memory[key].clone()?;
        let stamp = self.process.tags[key % 2].unwrap_or(0);
        (!self.dead(&value) && value.born > stamp).then_some(value)
    }

    /// What a tier's value is worth beside what is at hand already.
    fn far(&mut self, tier: usize, key: usize, prior: Option<&Value>) -> Option<Value> {
        let value = self.tiers[tier].seen(key).cloned()?;
        self.learn_tag(key);
        let (removed, until) = self.process.removed[key];
        let usable = !self.dead(&value)
            && self.process.tags[key % 2].is_some_and(|stamp| value.born > stamp)
            && prior.is_none_or(|prior| value.born > prior.born)
            && !(value.born <= removed && self.now < until);
        usable.then_some(value)
    }

    /// Reads the stamp of a key's tag from the tiers, unless it is known or one of them is down.
    fn learn_tag(&mut self, key: usize) {
        if self.process.tags[key % 2].is_none() && self.tiers.iter().all(|tier| !tier.down) {
            self.process.tags[key % 2] = self.tiers.iter().map(|tier| tier.tag_seen(key % 2)).max();
        }
    }

    /// Whether tiers may be believed: not before the clears of earlier processes are known.
    fn clears_known(&mut self) -> bool {
        if !self.process.clears_known && self.tiers.iter().all(|tier| !tier.down) {
            self.process.clears_known = true;
            let cleared = self.tiers.iter().map(Tier::cleared_seen).max().unwrap_or(0);
            self.process.cleared = self.process.cleared.max(cleared);
        }
        self.process.clears_known
    }

    /// One read of one key.
    pub(crate) fn read(&mut self, key: usize) -> Expected {
        let near = self.near(key);
        if let Some(value) = &near
            && self.fresh(value)
            && !self.due(value)
        {
            return Expected { answers: vec![Ok(value.text.clone())], loads: 0 };
        }
        let (mut answers, loads) = self.fetch(key, near.clone());
        if let Some(value) = near {
            // Served at once, whatever comes behind.
            answers = vec![Ok(value.text)];
        }
        Expected { answers, loads }
    }

    /// Goes to the tiers and the source, and keeps what comes.
    fn fetch(&mut self, key: usize, near: Option<Value>) -> (Vec<Result<String, ErrorKind>>, u64) {
        let behind = near.is_some();
        let mut prior = near;
        let mut answers = Vec::new();
        if self.clears_known() {
            for tier in 0..self.tiers.len() {
                if self.tiers[tier].down {
                    continue;
                }
                let Some(value) = self.far(tier, key, prior.as_ref()) else { continue };
                if self.fresh(&value) && !(behind && self.due(&value)) {
                    answers.push(Ok(value.text.clone()));
                    self.keep(key, &value, tier);
                    return (answers, 0);
                }
                answers.push(Ok(value.text.clone()));
                prior = Some(value);
            }
        }
        match (self.load(key), prior) {
            (Some(loaded), _) => answers.push(Ok(loaded)),
            (None, None) => answers.push(Err(ErrorKind::Load)),
            (None, Some(_)) => {}
        }
        (answers, 1)
    }

    /// One load, tried.
    pub(crate) fn load(&mut self, key: usize) -> Option<String> {
        self.loads[key] += 1;
        let born = self.birth();
        if !self.source_up {
            return None;
        }
        let text = format!("{key}@{}", self.loads[key]);
        let value = Value { text: text.clone(), born, since: self.now };
        self.keep(key, &value, self.tiers.len());
        Some(text)
    }

    /// Keeps a value in memory and in the tiers above `depth`.
    fn keep(&mut self, key: usize, value: &Value, depth: usize) {
        if self.process.memory[key].as_ref().is_none_or(|held| held.born < value.born) {
            self.process.memory[key] = Some(value.clone());
        }
        let mut lost = false;
        for tier in &mut self.tiers[..depth] {
            lost |= !tier.tell(key, Due::Value(value.clone()));
        }
        // What a tier refused since it knows something newer is not held: the next read asks the tiers.
        let held = &mut self.process.memory[key];
        if lost && held.as_ref().is_some_and(|held| held.born <= value.born) {
            *held = None;
        }
    }

    pub(crate) fn put(&mut self, key: usize, text: String) {
        let value = Value { text, born: self.birth(), since: self.now };
        self.keep(key, &value, self.tiers.len());
    }

    /// Removes keys by name, and counts what was alive, for which it may have to look: at the tiers but those
    /// whose last call failed.
    pub(crate) fn remove_counted(&mut self, keys: &[usize], failing: &[bool]) {
        let mut rest: Vec<usize> = keys.iter().copied().filter(|key| self.near(*key).is_none()).collect();
        rest.sort_unstable();
        rest.dedup();
        let in_doubt = self.process.cleared > 0 || self.process.ended_tag || !self.process.clears_known;
        let looks = !rest.is_empty() && (in_doubt || rest.len() > 1 && self.tiers.len() > 1);
        if looks && !self.tiers.is_empty() {
            self.clears_known();
        }
        for key in rest {
            let told = self.tiers.iter().zip(failing).any(|(tier, failing)| {
                let looked = looks && !tier.down && !failing;
                if looked { tier.seen(key).is_some() } else { tier.owes_value(key) }
            });
            if told {
                self.learn_tag(key);
            }
        }
        self.remove(keys.iter().copied());
    }

    pub(crate) fn remove(&mut self, keys: impl Iterator<Item = usize>) {
        let born = self.birth();
        for key in keys {
            self.process.memory[key] = None;
            self.process.removed[key] = (born, self.now + LONGEST_LOAD);
            for tier in &mut self.tiers {
                tier.tell(key, Due::Removal(born));
            }
        }
    }

    pub(crate) fn invalidate(&mut self, tag: usize) {
        let born = self.birth();
        self.process.tags[tag] = Some(born);
        self.process.ended_tag = true;
        self.tiers.iter_mut().for_each(|tier| tier.end_tag(tag, born));
    }

    pub(crate) fn clear(&mut self) {
        let born = self.birth();
        self.process.cleared = born;
        self.tiers.iter_mut().for_each(|tier| tier.clear(born));
    }

    pub(crate) fn restart(&mut self) {
        self.process = Process::default();
        self.tiers.iter_mut().for_each(|tier| tier.owed = Owed::default());
    }

    /// Whether a tier may have forgotten what it holds under the key.
    pub(crate) fn forgettable(&self, tier: usize, key: usize) -> bool {
        self.tiers[tier].held(key).is_some_and(|value| self.now - value.since >= GRACE)
    }
}
