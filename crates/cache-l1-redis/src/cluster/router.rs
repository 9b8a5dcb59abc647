//! Bringing calls to the servers they belong to, and their answers back in order.

use std::{mem, sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Result};
use futures_util::future::join_all;
use redis::{Pipeline, RedisError, Value, cmd};
use tokio::time::{Instant, sleep};

use crate::{
    cluster::Cluster,
    cluster::command::{Call, Outcome},
    cluster::slot_map::Map,
    cluster::slots,
    connection::node::Node,
    error,
};

/// How often a call may be sent on, or again.
const TRIES: usize = 6;
/// How long a server gets that asks for a moment.
const MOMENT: Duration = Duration::from_millis(20);

/// The servers, and which of them has what.
#[derive(Debug)]
pub(crate) enum Router {
    /// One has everything.
    One(Arc<Node>),
    Cluster(Box<Cluster>),
}

/// A call under way.
struct Errand {
    number: usize,
    call: Call,
    /// Where to, if not to where the map says; and whether its slot is moving there.
    to: Option<(Arc<Node>, bool)>,
}

/// Errands that go to one server together.
struct Party {
    node: Arc<Node>,
    moving: bool,
    errands: Vec<Errand>,
}

type Answers = Vec<Option<Result<Value>>>;

impl Router {
    /// Makes calls. Answer `i` belongs to call `i`; each succeeds or fails alone.
    pub(crate) async fn ask(&self, operation: &'static str, calls: Vec<Call>) -> Vec<Result<Value>> {
        let until = Instant::now() + 2 * self.limit();
        let mut answers: Answers = (0..calls.len()).map(|_| None).collect();
        let mut errands: Vec<Errand> =
            calls.into_iter().enumerate().map(|(number, call)| Errand { number, call, to: None }).collect();
        for _ in 0..TRIES {
            errands = self.send(operation, errands, &mut answers).await;
            if errands.is_empty() || Instant::now() >= until {
                break;
            }
        }
        let given_up = || Error::new(ErrorKind::Unavailable, operation, "Redis sent the call on too often");
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(given_up()))).collect()
    }

    /// The same for one call, on the shortest way there is.
    pub(crate) async fn ask_one(&self, operation: &'static str, mut call: Call) -> Result<Value> {
        if let Self::One(node) = self {
            match call.judge(node.ask_one(operation, &call.command).await?) {
                Outcome::Answer(value) => return Ok(value),
                Outcome::Refused(error) => return Err(self.refused(operation, node, error)),
                Outcome::Script(script) => call.command = script.whole(&call.command),
                Outcome::Elsewhere { .. } | Outcome::Later(_) => {}
            }
        }
        // In a box, for the short way should not carry what the long one takes.
        Box::pin(self.ask(operation, vec![call])).await.pop().expect("one answer to one call")
    }

    /// Sends each call once, and answers with those that are to be sent again.
    async fn send(
        &self,
        operation: &'static str,
        errands: Vec<Errand>,
        answers: &mut Answers,
    ) -> Vec<Errand> {
        let parties = match self {
            Self::One(node) => vec![Party { node: node.clone(), moving: false, errands }],
            Self::Cluster(cluster) => match cluster.map(operation).await {
                Ok(map) => self.part(operation, &map, errands, answers),
                Err(error) => {
                    errands.iter().for_each(|errand| answers[errand.number] = Some(Err(error.clone())));
                    return Vec::new();
                }
            },
        };
        let mut again = Vec::new();
        let mut wait = false;
        for (party, calls, outcome) in join_all(parties.into_iter().map(|party| party.send(operation))).await
        {
            match outcome {
                Ok(values) => wait |= self.settle(operation, party, &calls, values, answers, &mut again),
                Err(error) => {
                    self.doubt_map();
                    party.errands.iter().for_each(|errand| answers[errand.number] = Some(Err(error.clone())));
                }
            }
        }
        if wait {
            sleep(MOMENT).await;
        }
        again
    }

    /// Notes the answers to a party. Says whether to wait a moment before the rest is sent again.
    fn settle(
        &self,
        operation: &'static str,
        party: Party,
        calls: &Pipeline,
        values: Vec<Value>,
        answers: &mut Answers,
        again: &mut Vec<Errand>,
    ) -> bool {
        let node = &party.node;
        let mut wait = false;
        let step = if party.moving { 2 } else { 1 };
        let sent = calls.cmd_iter().skip(step - 1).step_by(step);
        let values = values.into_iter().skip(step - 1).step_by(step);
        for ((mut errand, sent), value) in party.errands.into_iter().zip(sent).zip(values) {
            let answer = &mut answers[errand.number];
            match (errand.call.judge(value), self) {
                (Outcome::Answer(value), _) => *answer = Some(Ok(value)),
                (Outcome::Refused(error), _) => *answer = Some(Err(self.refused(operation, node, error))),
                (Outcome::Script(script), _) => {
                    errand.call.command = script.whole(sent);
                    again.push(errand);
                }
                (Outcome::Elsewhere { .. }, Self::One(_)) => {
                    let message = format!("{} is of a Redis Cluster: use `cluster`", node.server.called());
                    *answer = Some(Err(Error::new(ErrorKind::Config, operation, message)));
                }
                (Outcome::Elsewhere { host, port, moving }, Self::Cluster(cluster)) => {
                    if !moving {
                        self.doubt_map();
                    }
                    errand.call.command = sent.clone();
                    errand.to = Some((cluster.node(&host, port), moving));
                    again.push(errand);
                }
                (Outcome::Later(error), _) => {
                    *answer = Some(Err(self.refused(operation, node, error)));
                    self.doubt_map();
                    errand.call.command = sent.clone();
                    errand.to = None;
                    again.push(errand);
                    wait = true;
                }
            }
        }
        wait
    }

    /// Parts calls by the server they go to.
    fn part(
        &self,
        operation: &'static str,
        map: &Map,
        errands: Vec<Errand>,
        answers: &mut Answers,
    ) -> Vec<Party> {
        let mut parties: Vec<Party> = Vec::new();
        for errand in errands {
            let (sent_on, moving) = errand.to.as_ref().map(|(node, moving)| (node, *moving)).unzip();
            let moving = moving.unwrap_or(false);
            let Some(node) = sent_on.or_else(|| map.owner(slots::slot_of(errand.call.bucket))) else {
                self.doubt_map();
                let message = "no node of the Redis Cluster has the key's slot";
                answers[errand.number] = Some(Err(Error::new(ErrorKind::Unavailable, operation, message)));
                continue;
            };
            let is_theirs = |party: &&mut Party| Arc::ptr_eq(&party.node, node) && party.moving == moving;
            match parties.iter_mut().find(is_theirs) {
                Some(party) => party.errands.push(errand),
                None => parties.push(Party { node: node.clone(), moving, errands: vec![errand] }),
            }
        }
        parties
    }

    fn limit(&self) -> Duration {
        match self {
            Self::One(node) => node.server.shared.config.response_limit,
            Self::Cluster(cluster) => cluster.shared.config.response_limit,
        }
    }

    fn refused(&self, operation: &'static str, node: &Node, error: RedisError) -> Error {
        if error::is_suspicious(&error) {
            node.doubt();
            self.doubt_map();
        }
        error::classify(operation, &node.server.called(), error)
    }

    fn doubt_map(&self) {
        if let Self::Cluster(cluster) = self {
            cluster.doubt();
        }
    }

    /// Waits until every server was tried to be connected to. Answers why none could be.
    pub(crate) async fn tried(&self) -> Option<Error> {
        match self {
            Self::One(node) => {
                node.tried().await;
                node.error()
            }
            Self::Cluster(cluster) => {
                cluster.tried().await;
                let Some(map) = cluster.known() else { return cluster.error() };
                join_all(map.nodes().iter().map(|node| node.tried())).await;
                let errors: Vec<Error> = map.nodes().iter().filter_map(|node| node.error()).collect();
                if errors.len() == map.nodes().len() { errors.into_iter().next() } else { None }
            }
        }
    }

    /// Whether some server gives up what has an expiry, and nothing else, when memory runs out.
    pub(crate) fn takes_expiring(&self) -> bool {
        match self {
            Self::One(node) => node.server.takes_expiring(),
            Self::Cluster(cluster) => {
                cluster.known().is_some_and(|map| map.nodes().iter().any(|node| node.server.takes_expiring()))
            }
        }
    }

    /// The server that has a channel's slot, or another one if that is down: in a Cluster all hear of all.
    pub(crate) async fn node_of(&self, operation: &'static str, channel: &str) -> Result<Arc<Node>> {
        let map = match self {
            Self::One(node) => return Ok(node.clone()),
            Self::Cluster(cluster) => cluster.map(operation).await?,
        };
        let owner = map.owner(slots::slot(channel.as_bytes()));
        let up = owner.into_iter().chain(map.nodes()).find(|node| node.error().is_none());
        Ok(up.or(owner).unwrap_or(&map.nodes()[0]).clone())
    }

    /// The map of a Cluster, as far as it is known.
    pub(crate) fn map(&self) -> Option<Arc<Map>> {
        match self {
            Self::One(_) => None,
            Self::Cluster(cluster) => cluster.known(),
        }
    }

    /// Every server there is to ask: all masters of a Cluster.
    pub(crate) async fn nodes(&self, operation: &'static str) -> Result<Vec<Arc<Node>>> {
        match self {
            Self::One(node) => Ok(vec![node.clone()]),
            Self::Cluster(cluster) => Ok(cluster.map(operation).await?.nodes().to_vec()),
        }
    }
}

impl Party {
    /// Sends all calls, which are answered with: they may be needed again.
    async fn send(mut self, operation: &'static str) -> (Self, Pipeline, Result<Vec<Value>>) {
        let mut calls = Pipeline::with_capacity(self.errands.len());
        for errand in &mut self.errands {
            if self.moving {
                calls.add_command(cmd("ASKING"));
            }
            calls.add_command(mem::take(&mut errand.call.command));
        }
        let outcome = self.node.ask(operation, &calls).await;
        (self, calls, outcome)
    }
}
