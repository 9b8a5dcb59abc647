//! The Lua scripts, by which the server compares and writes in one step.

use std::sync::LazyLock;

use redis::{Cmd, Script, cmd};

macro_rules! scripts {
    ($($name:ident $file:literal)+) => {
        $(
            #[doc = concat!("See `scripts/", $file, "`.")]
            pub(crate) static $name: LazyLock<LuaScript> = LazyLock::new(|| {
                LuaScript::new(include_str!($file))
            });
        )+
    };
}

scripts! {
    PUT "put.lua"
    TOMBSTONE "tombstone.lua"
    ADD_PATTERN "add_pattern.lua"
    REPLACE_PATTERNS "replace_patterns.lua"
    UNLINK_CORRUPT "unlink_corrupt.lua"
    ACQUIRE "acquire.lua"
    RENEW "renew.lua"
    RELEASE "release.lua"
    READ_QUOTA "read_quota.lua"
    REPLACE_QUOTA "replace_quota.lua"
}

/// A script, which the server knows by the hash of its text.
#[derive(Debug)]
pub(crate) struct LuaScript {
    text: &'static str,
    hash: String,
}

impl LuaScript {
    fn new(text: &'static str) -> Self {
        Self { text, hash: Script::new(text).get_hash().to_owned() }
    }

    /// Returns a call for so many keys. The caller appends the keys and then the arguments.
    pub(crate) fn evalsha(&self, keys: usize) -> Cmd {
        let mut call = cmd("EVALSHA");
        call.arg(self.hash.as_str()).arg(keys);
        call
    }

    /// Returns the same call with the script's text, for a server that doesn't know it. It does afterwards.
    pub(crate) fn eval(&self, evalsha: &Cmd) -> Cmd {
        let mut whole = cmd("EVAL");
        whole.arg(self.text);
        evalsha.args_iter().skip(2).for_each(|arg| {
            if let redis::Arg::Simple(bytes) = arg {
                whole.arg(bytes);
            }
        });
        whole
    }
}
