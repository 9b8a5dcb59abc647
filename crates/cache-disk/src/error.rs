//! The database's errors and panics, classified by what they call for.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cache_core::{Error, ErrorKind};

/// A failure of the database.
#[derive(Debug)]
pub(crate) enum StorageError {
    /// The database can't be used as it is: a full disk, a failed write, a dead worker. Opening it again,
    /// once there is space, may help.
    Unusable(String),
    /// What is stored is not what was written, and can't be skipped. Only starting over helps.
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

/// Runs a write. Every failure is `Unusable`: fjall refuses all writes after a failed one.
pub(crate) fn run_write<T>(work: impl FnOnce() -> fjall::Result<T>) -> StorageResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StorageError::Unusable(error.to_string())),
        Err(panic) => Err(StorageError::Unusable(panic_message(&*panic))),
    }
}

/// Runs a read. Damage is `Corrupt`; a panic is `Unusable`.
pub(crate) fn run_read<T>(work: impl FnOnce() -> fjall::Result<T>) -> StorageResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(classify(&error)),
        Err(panic) => Err(StorageError::Unusable(panic_message(&*panic))),
    }
}

/// Opens the database. A panic is `Corrupt`: it can only come from what is stored.
pub(crate) fn run_open<T>(work: impl FnOnce() -> fjall::Result<T>) -> StorageResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(classify(&error)),
        Err(panic) => Err(StorageError::Corrupt(panic_message(&*panic))),
    }
}

/// Closes the database, which may panic and can't fail otherwise.
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

/// Classifies an error of a read or of opening.
fn classify(error: &fjall::Error) -> StorageError {
    let text = error.to_string();
    if is_damage(error) { StorageError::Corrupt(text) } else { StorageError::Unusable(text) }
}

fn is_damage(error: &fjall::Error) -> bool {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
            is_about_content(error)
        }
        // The directory is locked by this tier, so this lock was left behind by a panic in this process, or
        // is another process's whose lock file was deleted: no reason to move the files.
        fjall::Error::Locked | fjall::Error::Poisoned | fjall::Error::KeyspaceDeleted => false,
        _ => true,
    }
}

/// Returns whether an error is about what is stored (a file that is missing, too short, or a directory), and
/// not about access to it: no permission, too many open files, no space.
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
