//! Tasks by their names, and the request that one remembers.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use http::Method;

use super::Answer;
use crate::model::{ImportId, Machine, Medium, Namespace, ObjectName, PendingPowerOn};

/// A task's id, as it stands in URIs. That of an import has a dot, that of a request has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TaskId(Arc<str>);

impl TaskId {
    /// The id of an import's task: made of the import's name, which every replica knows.
    pub(crate) fn of_import(import: &ImportId) -> Self {
        Self(format!("{}.{}", import.namespace, import.name).into())
    }

    /// The id of the task of an import that fetches what is in a machine's drive. One that serves several machines has a
    /// task for each of them, with the id that it would have if it served that machine alone.
    pub(crate) fn of_medium(machine: &Machine, medium: &Medium) -> Option<Self> {
        let import = medium.import.as_ref()?;
        if import.is_shared() {
            return Some(Self::of_import(&ImportId::of(&machine.id, &machine.uid, medium.slot, &medium.image)));
        }
        Some(Self::of_import(import))
    }

    /// The id of a request's task, made of a number that no other task has.
    pub(crate) fn of_request(number: u64) -> Self {
        Self(format!("{number:016x}").into())
    }

    /// The id of the task of a pending power-on.
    pub(crate) fn of_pending_power_on(pending_power_on: &PendingPowerOn) -> Self {
        Self((*pending_power_on.name).into())
    }

    /// The import that it is the id of, if it is that of an import at all. A namespace has no dots.
    pub(crate) fn import(&self) -> Option<ImportId> {
        let (namespace, name) = self.0.split_once('.')?;
        Some(ImportId { namespace: Namespace::new(namespace)?, name: ObjectName::new(name)? })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for TaskId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request as its task remembers it: enough to show it and to give the answer that it would have had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskRequest {
    /// Who sent it, so that nobody has all the tasks that there may be; it is not shown.
    pub(crate) owner: Arc<str>,
    pub(crate) method: Method,
    /// The canonical URI of what it was sent to.
    pub(crate) path: Box<str>,
    /// Headers that say how it was to be understood, `Name: value`; never one that says who sent it.
    pub(crate) headers: Box<[Box<str>]>,
    /// The body as JSON with everything masked that looks like a secret; `None` if it is too large to keep.
    pub(crate) body: Option<Box<str>>,
    /// How it is answered once it is carried out.
    pub(crate) answer: Answer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_which_kind_of_task_it_is_of() {
        let import = ImportId {
            namespace: Namespace::new("lab").expect("a namespace"),
            name: ObjectName::new("node.0-cd-0123456789abcdef").expect("a name"),
        };
        let id = TaskId::of_import(&import);
        assert_eq!(id.as_str(), "lab.node.0-cd-0123456789abcdef");
        assert_eq!(id.import(), Some(import));
        assert_eq!(TaskId::of_request(0x1f).import(), None);
    }
}
