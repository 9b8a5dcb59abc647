//! Sends commands to the servers that have their keys, and returns the replies in order.

use std::{mem, sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Result};
use futures_util::future::join_all;
use redis::{Pipeline, RedisError, Value, cmd};
use tokio::time::{Instant, sleep};

use crate::{connection::node::Node, error};

use super::{
    Cluster,
    command::{Command, Reply},
    slot_map::SlotMap,
    slots,
};

/// How often one command is sent at most, redirections and repetitions included.
const MAX_ATTEMPTS: usize = 6;
/// How long to wait before commands are repeated that a server answered with `TRYAGAIN`.
const TRY_AGAIN_PAUSE: Duration = Duration::from_millis(20);

/// The servers, and which of them has which keys.
#[derive(Debug)]
pub(crate) enum Router {
    /// One server has all keys.
    One(Arc<Node>),
    Cluster(Box<Cluster>),
}

/// A command under way.
struct Request {
    /// The place of its reply.
    index: usize,
    command: Command,
    /// The node that another one named instead of the slot map's, and whether `ASKING` goes first.
    redirect: Option<(Arc<Node>, bool)>,
}

/// Requests that go to one node in one pipeline.
struct NodeBatch {
    node: Arc<Node>,
    asking: bool,
    requests: Vec<Request>,
}

type Results = Vec<Option<Result<Value>>>;

impl Router {
    /// Sends commands. Result `i` belongs to command `i`; each succeeds or fails alone.
    pub(crate) async fn send(&self, operation: &'static str, commands: Vec<Command>) -> Vec<Result<Value>> {
        let until = Instant::now() + 2 * self.response_timeout();
        let mut results: Results = (0..commands.len()).map(|_| None).collect();
        let mut requests: Vec<Request> = commands
            .into_iter()
            .enumerate()
            .map(|(index, command)| Request { index, command, redirect: None })
            .collect();
        for _ in 0..MAX_ATTEMPTS {
            requests = self.send_round(operation, requests, &mut results).await;
            if requests.is_empty() || Instant::now() >= until {
                break;
            }
        }
        let given_up =
            || Error::new(ErrorKind::Unavailable, operation, "Redis redirected the call too often");
        results.into_iter().map(|result| result.unwrap_or_else(|| Err(given_up()))).collect()
    }

    /// Sends one command, with less to do than [`Router::send`] where there is one server.
    pub(crate) async fn send_one(&self, operation: &'static str, mut command: Command) -> Result<Value> {
        if let Self::One(node) = self {
            match command.interpret(node.send_one(operation, &command.cmd).await?) {
                Reply::Value(value) => return Ok(value),
                Reply::Error(error) => return Err(self.error_reply(operation, node, error)),
                Reply::ScriptMissing(script) => command.cmd = script.eval(&command.cmd),
                Reply::Redirect { .. } | Reply::TryAgain(_) => {}
            }
        }
        // Boxed, since it is rare and the future of the common case would otherwise be as large.
        Box::pin(self.send(operation, vec![command])).await.pop().expect("one result for one command")
    }

    /// Sends each request once, and returns those that are to be sent again.
    async fn send_round(
        &self,
        operation: &'static str,
        requests: Vec<Request>,
        results: &mut Results,
    ) -> Vec<Request> {
        let batches = match self {
            Self::One(node) => vec![NodeBatch { node: node.clone(), asking: false, requests }],
            Self::Cluster(cluster) => match cluster.slot_map(operation).await {
                Ok(map) => self.group_by_node(operation, &map, requests, results),
                Err(error) => {
                    requests.iter().for_each(|request| results[request.index] = Some(Err(error.clone())));
                    return Vec::new();
                }
            },
        };
        let mut again = Vec::new();
        let mut pause = false;
        let sent = join_all(batches.into_iter().map(|batch| batch.send(operation))).await;
        for (batch, pipeline, replies) in sent {
            match replies {
                Ok(replies) => {
                    pause |= self.sort_replies(operation, batch, &pipeline, replies, results, &mut again);
                }
                Err(error) => {
                    self.refresh_slot_map();
                    let failed = batch.requests.iter();
                    failed.for_each(|request| results[request.index] = Some(Err(error.clone())));
                }
            }
        }
        if pause {
            sleep(TRY_AGAIN_PAUSE).await;
        }
        again
    }

    /// Stores the results of a batch, and puts what is to be sent again into `again`. Returns whether to
    /// pause before that.
    fn sort_replies(
        &self,
        operation: &'static str,
        batch: NodeBatch,
        pipeline: &Pipeline,
        replies: Vec<Value>,
        results: &mut Results,
        again: &mut Vec<Request>,
    ) -> bool {
        let node = &batch.node;
        let mut pause = false;
        // With `ASKING` before each command, every second reply counts.
        let step = if batch.asking { 2 } else { 1 };
        let sent = pipeline.cmd_iter().skip(step - 1).step_by(step);
        let replies = replies.into_iter().skip(step - 1).step_by(step);
        for ((mut request, sent), reply) in batch.requests.into_iter().zip(sent).zip(replies) {
            let result = &mut results[request.index];
            match (request.command.interpret(reply), self) {
                (Reply::Value(value), _) => *result = Some(Ok(value)),
                (Reply::Error(error), _) => *result = Some(Err(self.error_reply(operation, node, error))),
                (Reply::ScriptMissing(script), _) => {
                    request.command.cmd = script.eval(sent);
                    again.push(request);
                }
                (Reply::Redirect { .. }, Self::One(_)) => {
                    let message =
                        format!("{} is a node of a Redis Cluster: use `cluster`", node.server.label());
                    *result = Some(Err(Error::new(ErrorKind::Config, operation, message)));
                }
                (Reply::Redirect { host, port, asking }, Self::Cluster(cluster)) => {
                    if !asking {
                        self.refresh_slot_map();
                    }
                    request.command.cmd = sent.clone();
                    request.redirect = Some((cluster.node_at(&host, port), asking));
                    again.push(request);
                }
                (Reply::TryAgain(error), _) => {
                    *result = Some(Err(self.error_reply(operation, node, error)));
                    self.refresh_slot_map();
                    request.command.cmd = sent.clone();
                    request.redirect = None;
                    again.push(request);
                    pause = true;
                }
            }
        }
        pause
    }

    /// Groups requests by the node they go to. One whose slot no node has fails here.
    fn group_by_node(
        &self,
        operation: &'static str,
        map: &SlotMap,
        requests: Vec<Request>,
        results: &mut Results,
    ) -> Vec<NodeBatch> {
        let mut batches: Vec<NodeBatch> = Vec::new();
        for request in requests {
            let (redirect, asking) = request.redirect.as_ref().map(|(node, asking)| (node, *asking)).unzip();
            let asking = asking.unwrap_or(false);
            let owner = || map.owner_of(slots::slot_of_bucket(request.command.bucket));
            let Some(node) = redirect.or_else(owner) else {
                self.refresh_slot_map();
                let message = "no node of the Redis Cluster has the key's slot";
                results[request.index] = Some(Err(Error::new(ErrorKind::Unavailable, operation, message)));
                continue;
            };
            let is_same = |batch: &&mut NodeBatch| Arc::ptr_eq(&batch.node, node) && batch.asking == asking;
            match batches.iter_mut().find(is_same) {
                Some(batch) => batch.requests.push(request),
                None => batches.push(NodeBatch { node: node.clone(), asking, requests: vec![request] }),
            }
        }
        batches
    }

    fn response_timeout(&self) -> Duration {
        match self {
            Self::One(node) => node.server.context.config.response_timeout,
            Self::Cluster(cluster) => cluster.context.config.response_timeout,
        }
    }

    /// Returns the error for a server's error reply. Has connection and slot map checked if it hints that
    /// they are wrong.
    fn error_reply(&self, operation: &'static str, node: &Node, error: RedisError) -> Error {
        if error::needs_recheck(&error) {
            node.recheck();
            self.refresh_slot_map();
        }
        error::classify(operation, &node.server.label(), error)
    }

    fn refresh_slot_map(&self) {
        if let Self::Cluster(cluster) = self {
            cluster.refresh();
        }
    }

    /// Waits for the first attempt to connect to each server. Returns an error if none succeeded.
    pub(crate) async fn first_attempt(&self) -> Option<Error> {
        match self {
            Self::One(node) => {
                node.first_attempt().await;
                node.error()
            }
            Self::Cluster(cluster) => {
                cluster.first_attempt().await;
                let Some(map) = cluster.current_map() else { return cluster.error() };
                join_all(map.nodes().iter().map(|node| node.first_attempt())).await;
                let errors: Vec<Error> = map.nodes().iter().filter_map(|node| node.error()).collect();
                if errors.len() == map.nodes().len() { errors.into_iter().next() } else { None }
            }
        }
    }

    /// Returns whether some server evicts keys that have an expiry, and no others.
    pub(crate) fn evicts_only_expiring(&self) -> bool {
        match self {
            Self::One(node) => node.server.evicts_only_expiring(),
            Self::Cluster(cluster) => cluster
                .current_map()
                .is_some_and(|map| map.nodes().iter().any(|node| node.server.evicts_only_expiring())),
        }
    }

    /// Returns the node that has a channel's slot, or another one if that is down: a Cluster carries
    /// messages between all nodes.
    pub(crate) async fn node_for_channel(&self, operation: &'static str, channel: &str) -> Result<Arc<Node>> {
        let map = match self {
            Self::One(node) => return Ok(node.clone()),
            Self::Cluster(cluster) => cluster.slot_map(operation).await?,
        };
        let owner = map.owner_of(slots::slot(channel.as_bytes()));
        let up = owner.into_iter().chain(map.nodes()).find(|node| node.error().is_none());
        Ok(up.or(owner).unwrap_or(&map.nodes()[0]).clone())
    }

    /// Returns the slot map of a Cluster, if it is known.
    pub(crate) fn slot_map(&self) -> Option<Arc<SlotMap>> {
        match self {
            Self::One(_) => None,
            Self::Cluster(cluster) => cluster.current_map(),
        }
    }

    /// Returns every server that is written to: all masters of a Cluster.
    pub(crate) async fn nodes(&self, operation: &'static str) -> Result<Vec<Arc<Node>>> {
        match self {
            Self::One(node) => Ok(vec![node.clone()]),
            Self::Cluster(cluster) => Ok(cluster.slot_map(operation).await?.nodes().to_vec()),
        }
    }
}

impl NodeBatch {
    /// Sends all requests, and returns them with the pipeline, whose commands may have to be sent again.
    async fn send(mut self, operation: &'static str) -> (Self, Pipeline, Result<Vec<Value>>) {
        let mut pipeline = Pipeline::with_capacity(self.requests.len());
        for request in &mut self.requests {
            if self.asking {
                pipeline.add_command(cmd("ASKING"));
            }
            pipeline.add_command(mem::take(&mut request.command.cmd));
        }
        let replies = self.node.send(operation, &pipeline).await;
        (self, pipeline, replies)
    }
}
