//! What can go wrong below, told apart by what it calls for; panics included.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cache_core::{Error, ErrorKind};

/// A failure of the database.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It can't be used as it is: a full disk, a failed write, a dead worker. Opening it again, once
    /// there is space, may help.
    Unusable(String),
    /// What is stored is not what was written, where that can't be passed over. Only starting over
    /// helps.
    Corrupt(String),
}

pub(crate) type Outcome<T> = Result<T, Fault>;

impl Fault {
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Unusable(why) => Error::new(ErrorKind::Storage, operation, why),
            Self::Corrupt(why) => Error::new(ErrorKind::Corrupt, operation, why),
        }
    }
}

/// Runs a write: whatever fails in one, the database can't go on as it is (fjall refuses all further
/// writes after a failed one).
pub(crate) fn writing<T>(work: impl FnOnce() -> fjall::Result<T>) -> Outcome<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Fault::Unusable(error.to_string())),
        Err(panic) => Err(Fault::Unusable(said(&*panic))),
    }
}

/// Runs a read.
pub(crate) fn reading<T>(work: impl FnOnce() -> fjall::Result<T>) -> Outcome<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if is_damage(&error) => Err(Fault::Corrupt(error.to_string())),
        Ok(Err(error)) => Err(Fault::Unusable(error.to_string())),
        Err(panic) => Err(Fault::Unusable(said(&*panic))),
    }
}

/// Opens: a panic here comes from what is stored, for nothing else has happened yet.
pub(crate) fn opening<T>(work: impl FnOnce() -> fjall::Result<T>) -> Outcome<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if is_damage(&error) => Err(Fault::Corrupt(error.to_string())),
        Ok(Err(error)) => Err(Fault::Unusable(error.to_string())),
        Err(panic) => Err(Fault::Corrupt(said(&*panic))),
    }
}

/// Runs what may panic and can't fail otherwise, such as closing.
pub(crate) fn quietly(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        tracing::warn!(panic = said(&*panic), "the database did not close cleanly");
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the database panicked: {}", text.unwrap_or("without a message"))
}

fn is_damage(error: &fjall::Error) -> bool {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
            says_what_is_there(error)
        }
        // Ours alone is the directory, so a lock is one that a panic left behind in this process, or
        // that of another whose lock file someone took away: never a reason to move its files.
        fjall::Error::Locked | fjall::Error::Poisoned | fjall::Error::KeyspaceDeleted => false,
        _ => true,
    }
}

/// Tells an error that says what is there (a file that is missing, too short, or a directory) from one
/// that says it could not look: no permission, too many open files, no space.
pub(crate) fn says_what_is_there(error: &io::Error) -> bool {
    use io::ErrorKind::{
        AlreadyExists, InvalidData, InvalidInput, IsADirectory, NotADirectory, NotFound, Other, UnexpectedEof,
    };
    matches!(
        error.kind(),
        AlreadyExists
            | InvalidData
            | InvalidInput
            | IsADirectory
            | NotADirectory
            | NotFound
            | Other
            | UnexpectedEof
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_57_what_could_not_be_looked_at_is_not_taken_for_damaged() {
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::StorageFull, io::ErrorKind::Interrupted]
        {
            assert!(!says_what_is_there(&kind.into()), "{kind}");
        }
        assert!(!says_what_is_there(&io::Error::from_raw_os_error(24)), "too many open files");
        assert!(!says_what_is_there(&io::Error::from_raw_os_error(5)), "a failing disk");
        assert!(says_what_is_there(&io::ErrorKind::UnexpectedEof.into()));
        assert!(!is_damage(&fjall::Error::Locked), "nor what someone else has open");
    }
}
