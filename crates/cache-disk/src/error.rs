//! What can go wrong below, told apart by what it calls for; panics included.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cache_core::{Error, ErrorKind};

/// A failure of the database.
#[derive(Debug)]
pub(crate) enum StorageError {
    /// It can't be used as it is: a full disk, a failed write, a dead worker. Opening it again, once
    /// there is space, may help.
    Unusable(String),
    /// What is stored is not what was written, where that can't be passed over. Only starting over
    /// helps.
    Corrupt(String),
}

pub(crate) type StorageResult<T> = Result<T, StorageError>;

impl StorageError {
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Unusable(why) => Error::new(ErrorKind::Storage, operation, why),
            Self::Corrupt(why) => Error::new(ErrorKind::Corrupt, operation, why),
        }
    }
}

/// Runs a write: whatever fails in one, the database can't go on as it is (fjall refuses all further
/// writes after a failed one).
pub(crate) fn run_write<T>(work: impl FnOnce() -> fjall::Result<T>) -> StorageResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StorageError::Unusable(error.to_string())),
        Err(panic) => Err(StorageError::Unusable(panic_message(&*panic))),
    }
}

/// Runs a read.
pub(crate) fn run_read<T>(work: impl FnOnce() -> fjall::Result<T>) -> StorageResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(classify(&error)),
        Err(panic) => Err(StorageError::Unusable(panic_message(&*panic))),
    }
}

/// Opens: a panic here comes from what is stored, for nothing else has happened yet.
pub(crate) fn run_open<T>(work: impl FnOnce() -> fjall::Result<T>) -> StorageResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(classify(&error)),
        Err(panic) => Err(StorageError::Corrupt(panic_message(&*panic))),
    }
}

/// Runs what may panic and can't fail otherwise, such as closing.
pub(crate) fn run_close(work: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        tracing::warn!(panic = panic_message(&*panic), "the database did not close cleanly");
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the database panicked: {}", text.unwrap_or("without a message"))
}

/// Returns what an error that fjall returned from a read or from opening calls for.
fn classify(error: &fjall::Error) -> StorageError {
    let text = error.to_string();
    if is_damage(error) { StorageError::Corrupt(text) } else { StorageError::Unusable(text) }
}

fn is_damage(error: &fjall::Error) -> bool {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
            is_about_content(error)
        }
        // Ours alone is the directory, so a lock is one that a panic left behind in this process, or
        // that of another whose lock file someone took away: never a reason to move its files.
        fjall::Error::Locked | fjall::Error::Poisoned | fjall::Error::KeyspaceDeleted => false,
        _ => true,
    }
}

/// Tells an error that says what is there (a file that is missing, too short, or a directory) from one
/// that says it could not look: no permission, too many open files, no space.
pub(crate) fn is_about_content(error: &io::Error) -> bool {
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
            assert!(!is_about_content(&kind.into()), "{kind}");
        }
        assert!(!is_about_content(&io::Error::from_raw_os_error(24)), "too many open files");
        assert!(!is_about_content(&io::Error::from_raw_os_error(5)), "a failing disk");
        assert!(is_about_content(&io::ErrorKind::UnexpectedEof.into()));
        assert!(!is_damage(&fjall::Error::Locked), "nor what someone else has open");
    }
}
