//! `/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Certificates`: the certificates by which servers of a slot's images
//! are known. Schema `CertificateCollection`.

use super::{Context, collection};
use crate::http::{Representation, Schema, schema};
use crate::model::Slot;
use crate::route::Route;
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("CertificateCollection");

pub(super) fn represent(context: &Context<'_>, vm: &Vm, slot: Slot) -> Representation {
    let id = context.view.shown_name(&vm.machine.id);
    let certificates = vm.trust(slot).into_iter().flat_map(|trust| trust.certificates.iter());
    let members = certificates.map(|certificate| Route::MediaCertificate(id, slot, certificate.id()));
    collection::represent(SCHEMA, Route::MediaCertificates(id, slot), "Image Server Certificates", members)
}
