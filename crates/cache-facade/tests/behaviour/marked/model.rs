//! Random puts, marks, ends and reads of two kinds on two nodes, against what each key should be.

use std::time::Duration;

use cache_core::{ErrorKind, Ttl};
use cache_facade::{Fetched, Region, Selection};
use proptest::{collection::vec, prelude::*};
use tests::{Fixture, GRACE, LIFE, LocalBus, settle};

/// Kinds and ids.
const KEYS: [(&str, &str); 5] =
    [("price", "A1"), ("price", "A2"), ("price", "B1"), ("name", "A1"), ("name", "B1")];
const KINDS: [&str; 2] = ["price", "name"];
const TAGS: [&str; 2] = ["x", "y"];

/// What is named by a mark or an end.
#[derive(Clone, Copy, Debug)]
enum What {
    Key(usize),
    Tag(usize),
    /// Keys of both kinds.
    Id(&'static str),
    Pattern(usize),
    Kind(usize),
    All,
}

const PATTERNS: [&str; 3] = ["price:A*", "*:?1", "price:B1"];

impl What {
    fn names(self, (kind, id): (&str, &str), tags: &[&str]) -> bool {
        match self {
            Self::Key(at) => KEYS[at] == (kind, id),
            Self::Tag(at) => tags.contains(&TAGS[at]),
            Self::Id(named) => id == named,
            Self::Pattern(0) => kind == "price" && id.starts_with('A'),
            Self::Pattern(1) => id.ends_with('1'),
            Self::Pattern(_) => (kind, id) == ("price", "B1"),
            Self::Kind(at) => KINDS[at] == kind,
            Self::All => true,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Put {
        node: usize,
        key: usize,
        tags: usize,
    },
    Mark {
        node: usize,
        what: What,
    },
    /// Marked while the other node hears nothing.
    MarkUnheard {
        node: usize,
        what: What,
    },
    /// Marked while the tier is away, and if there is a gap, both nodes may have missed something then.
    MarkAway {
        node: usize,
        what: What,
        gap: bool,
    },
    End {
        node: usize,
        what: What,
    },
    Restart {
        node: usize,
    },
    Pass(u64),
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        2 => (0..KEYS.len()).prop_map(What::Key),
        1 => (0..TAGS.len()).prop_map(What::Tag),
        1 => prop_oneof![Just("A1"), Just("B1")].prop_map(What::Id),
        1 => (0..PATTERNS.len()).prop_map(What::Pattern),
        1 => (0..KINDS.len()).prop_map(What::Kind),
        1 => Just(What::All),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let node = || 0..2_usize;
    prop_oneof![
        5 => (node(), 0..KEYS.len(), 0..4_usize).prop_map(|(node, key, tags)| Step::Put { node, key, tags }),
        4 => (node(), what()).prop_map(|(node, what)| Step::Mark { node, what }),
        1 => (node(), what()).prop_map(|(node, what)| Step::MarkUnheard { node, what }),
        2 => (node(), what(), any::<bool>()).prop_map(|(node, what, gap)| Step::MarkAway { node, what, gap }),
        1 => (node(), what()).prop_map(|(node, what)| Step::End { node, what }),
        1 => node().prop_map(|node| Step::Restart { node }),
        2 => (1..40_u64).prop_map(Step::Pass),
    ]
}

/// What a key should be.
#[derive(Clone, Debug)]
struct Expected {
    value: String,
    tags: Vec<&'static str>,
    age: Duration,
    marked: bool,
}

struct Node {
    fixture: Fixture,
    names: Region<String>,
}

impl Node {
    fn new(fixture: Fixture) -> Self {
        let names = fixture.cache.region::<String>("name").ttl(Ttl::new(LIFE).grace(GRACE));
        let names = names.loader(fixture.source.clone()).open().unwrap();
        Self { fixture, names }
    }

    fn region(&self, kind: &str) -> &Region<String> {
        if kind == "price" { &self.fixture.region } else { &self.names }
    }

    async fn mark(&self, what: What) {
        let cache = &self.fixture.cache;
        match what {
            What::Key(at) => self.region(KEYS[at].0).mark_stale(KEYS[at].1).await,
            What::Tag(at) => cache.mark_stale(TAGS[at]).await,
            What::Id(id) => cache.mark_selected_stale(&of_both_kinds(id)).await.map(drop),
            What::Pattern(at) => cache.mark_matching_stale(PATTERNS[at]).await,
            What::Kind(at) => self.region(KINDS[at]).mark_all_stale().await,
            What::All => cache.mark_all_stale().await,
        }
        .unwrap();
    }

    async fn end(&self, what: What) {
        let cache = &self.fixture.cache;
        match what {
            What::Key(at) => drop(self.region(KEYS[at].0).remove(KEYS[at].1).await.unwrap()),
            What::Tag(at) => cache.invalidate(TAGS[at]).await.unwrap(),
            What::Id(id) => drop(cache.remove_selected(&of_both_kinds(id)).await.unwrap()),
            What::Pattern(at) => drop(cache.remove_matching(PATTERNS[at]).await.unwrap()),
            What::Kind(at) => self.region(KINDS[at]).clear().await.unwrap(),
            What::All => cache.clear().await.unwrap(),
        }
    }
}

fn of_both_kinds(id: &str) -> Selection {
    KINDS.iter().fold(Selection::new(), |selection, kind| selection.key(*kind, id))
}

struct World {
    bus: LocalBus,
    nodes: [Node; 2],
    expected: [Option<Expected>; KEYS.len()],
    puts: u32,
}

impl World {
    async fn new() -> Self {
        let bus = LocalBus::default();
        let a = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
        let b = a.another_built(|cache| cache.bus(bus.clone()), |region| region).await;
        a.source.fail(ErrorKind::Unavailable);
        settle().await;
        Self { bus, nodes: [a, b].map(Node::new), expected: [const { None }; KEYS.len()], puts: 0 }
    }

    fn pass(&mut self, span: Duration) {
        self.nodes[0].fixture.clock.advance(span);
        self.expected.iter_mut().flatten().for_each(|expected| expected.age += span);
    }

    /// Lets so many seconds pass, with what is done in each.
    async fn wait(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.pass(Duration::from_secs(1));
            settle().await;
        }
    }

    fn named(&mut self, what: What) -> impl Iterator<Item = &mut Option<Expected>> {
        let is_named = move |(key, expected): &(&(&str, &str), &mut Option<Expected>)| {
            expected.as_ref().is_some_and(|expected| what.names(**key, &expected.tags))
        };
        KEYS.iter().zip(&mut self.expected).filter(is_named).map(|(_, expected)| expected)
    }

    async fn mark(&mut self, node: usize, what: What) {
        self.nodes[node].mark(what).await;
        self.named(what).flatten().for_each(|expected| expected.marked = true);
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Put { node, key, tags } => {
                self.puts += 1;
                let (kind, id) = KEYS[key];
                let value = format!("{kind}:{id}#{}", self.puts);
                let tags: Vec<&str> = TAGS
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| tags >> at & 1 == 1)
                    .map(|(_, tag)| *tag)
                    .collect();
                let fetched = tags.iter().fold(Fetched::new(value.clone()), |fetched, tag| fetched.tag(*tag));
                self.nodes[node].region(kind).put(id, fetched).await.unwrap();
                self.expected[key] = Some(Expected { value, tags, age: Duration::ZERO, marked: false });
            }
            Step::Mark { node, what } => self.mark(node, what).await,
            Step::MarkUnheard { node, what } => {
                self.bus.cut();
                settle().await;
                self.mark(node, what).await;
                self.bus.restore();
                self.wait(12).await;
            }
            Step::MarkAway { node, what, gap } => {
                self.nodes[node].fixture.tier.down();
                self.mark(node, what).await;
                self.nodes[node].fixture.tier.up();
                self.wait(4).await;
                if gap {
                    self.bus.cut();
                    settle().await;
                    self.bus.restore();
                    self.wait(12).await;
                }
            }
            Step::End { node, what } => {
                self.nodes[node].end(what).await;
                self.named(what).for_each(|expected| *expected = None);
            }
            Step::Restart { node } => {
                let bus = self.bus.clone();
                let other = &self.nodes[1 - node].fixture;
                self.nodes[node] =
                    Node::new(other.another_built(|cache| cache.bus(bus), |region| region).await);
            }
            Step::Pass(seconds) => self.pass(Duration::from_secs(seconds)),
        }
        settle().await;
    }

    async fn check(&self, seen: &[Step]) {
        for (at, node) in self.nodes.iter().enumerate() {
            for ((kind, id), expected) in KEYS.iter().zip(&self.expected) {
                let found = node.region(kind).lookup(id).await;
                let found =
                    found.ok().and_then(|found| Some((found.value?.as_str().to_owned(), found.stale)));
                let expected = expected.as_ref().filter(|expected| expected.age < GRACE);
                let expected = expected.map(|known| (known.value.clone(), known.marked || known.age >= LIFE));
                assert_eq!(found, expected, "{kind}:{id} on node {at} after {seen:?}");
            }
        }
        settle().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rule_84_what_was_marked_is_stale_on_every_node_and_nothing_else_is(steps in vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for (at, step) in steps.iter().enumerate() {
                world.take(*step).await;
                world.check(&steps[..=at]).await;
            }
        });
    }
}
