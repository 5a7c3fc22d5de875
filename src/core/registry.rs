//! The loaded modules of one kind.

use crate::modules::host::ModuleInfo;
use crate::util::lock::Lock;
use std::sync::Arc;

struct Entry<T: ?Sized> {
    info: ModuleInfo,
    face: Arc<T>,
}

/// Modules by package, in order of registration.
pub struct Registry<T: ?Sized>(Lock<Vec<Entry<T>>>);

impl<T: ?Sized> Default for Registry<T> {
    fn default() -> Self {
        Registry(Lock::new(Vec::new()))
    }
}

impl<T: ?Sized> Registry<T> {
    /// Registers under the package; a later module of the same package is the one that is used (CP-064). The
    /// replaced one is returned.
    pub fn add(&self, info: ModuleInfo, face: Arc<T>) -> Option<Arc<T>> {
        let mut entries = self.0.lock();
        let entry = Entry { info, face };
        match entries.iter_mut().find(|e| e.info.package == entry.info.package) {
            Some(old) => Some(std::mem::replace(old, entry).face),
            None => {
                entries.push(entry);
                None
            }
        }
    }

    pub fn get(&self, package: &str) -> Option<Arc<T>> {
        self.0.lock().iter().find(|e| e.info.package == package).map(|e| e.face.clone())
    }

    pub fn infos(&self) -> Vec<ModuleInfo> {
        self.0.lock().iter().map(|e| e.info.clone()).collect()
    }

    pub fn packages(&self) -> Vec<String> {
        self.0.lock().iter().map(|e| e.info.package.clone()).collect()
    }

    pub fn all(&self) -> Vec<Arc<T>> {
        self.0.lock().iter().map(|e| e.face.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_one_is_used() {
        // CP-064
        let registry: Registry<str> = Registry::default();
        let info = |package: &str| ModuleInfo { package: package.into(), ..ModuleInfo::default() };
        assert!(registry.add(info("a"), "first".into()).is_none());
        assert!(registry.add(info("b"), "other".into()).is_none());
        assert_eq!(registry.add(info("a"), "second".into()).as_deref(), Some("first"));
        assert_eq!(registry.get("a").as_deref(), Some("second"));
        assert_eq!(registry.packages(), ["a", "b"]);
        assert!(registry.get("c").is_none());
    }
}
