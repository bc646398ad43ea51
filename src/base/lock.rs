//! Locks after a panic. What they guard stays as consistent as the panicking thread left it, and a server that
//! refused every later request because of one panic would be worse, so poison is ignored everywhere.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks a mutex whether or not a thread panicked while it held it.
pub trait MutexExt<T: ?Sized> {
    /// As [`Mutex::lock`].
    fn lock_unpoisoned(&self) -> MutexGuard<'_, T>;
}

/// Locks a read-write lock whether or not a thread panicked while it held it.
pub trait RwLockExt<T: ?Sized> {
    /// As [`RwLock::read`].
    fn read_unpoisoned(&self) -> RwLockReadGuard<'_, T>;
    /// As [`RwLock::write`].
    fn write_unpoisoned(&self) -> RwLockWriteGuard<'_, T>;
}

impl<T: ?Sized> MutexExt<T> for Mutex<T> {
    fn lock_unpoisoned(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> RwLockExt<T> for RwLock<T> {
    fn read_unpoisoned(&self) -> RwLockReadGuard<'_, T> {
        self.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_unpoisoned(&self) -> RwLockWriteGuard<'_, T> {
        self.write().unwrap_or_else(PoisonError::into_inner)
    }
}
