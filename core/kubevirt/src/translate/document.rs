//! `Secret` to [`Document`], and the names of those that are documents.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::version;
use crate::model::{Document, DocumentName};
use crate::object::Secret;

/// The document that a secret holds; `None` if it holds none.
pub(crate) fn document(secret: &Secret) -> Option<Document> {
    let name = document_name(secret.metadata.name.as_deref()?)?;
    let content = BASE64_STANDARD.decode(secret.data.content.0.as_deref()?).ok()?;
    Some(Document { name, version: version(&secret.metadata), content: content.into() })
}

/// The document that is kept under a secret's name.
pub(crate) fn document_name(secret: &str) -> Option<DocumentName> {
    DocumentName::ALL.iter().copied().find(|name| secret_name(*name) == secret)
}

/// The name of the secret that a document is kept in.
pub(crate) const fn secret_name(name: DocumentName) -> &'static str {
    match name {
        DocumentName::Accounts => "kubevirt-redfish-accounts",
        DocumentName::Sessions => "kubevirt-redfish-sessions",
        DocumentName::Subscriptions => "kubevirt-redfish-subscriptions",
    }
}
