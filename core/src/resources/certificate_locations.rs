//! `/redfish/v1/CertificateService/CertificateLocations`: the certificates that can be managed, which are those by which
//! virtual drives know the servers of their images. Schema `CertificateLocations`, version 1.0.4.

use serde::Serialize;

use super::virtual_media::may_manage;
use super::{Context, Link};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::model::{ImageCertificate, ImageTrust, Slot};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("CertificateLocations", "v1_0_4");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CertificateLocations<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'static>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    links: Links<'a>,
}

#[derive(Serialize)]
struct Links<'a> {
    #[serde(rename = "Certificates")]
    certificates: Vec<Link<'a>>,
    #[serde(rename = "Certificates@odata.count")]
    count: usize,
}

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let certificates = certificates(context);
    let resource = CertificateLocations {
        odata_id: Route::Catalog(Catalog::CertificateLocations),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: "CertificateLocations",
        name: "Certificate Locations",
        links: Links { count: certificates.len(), certificates },
    };
    Representation::of_resource(SCHEMA, &resource)
}

/// Those of the systems whose certificates whoever asks may read.
fn certificates<'a>(context: &Context<'a>) -> Vec<Link<'a>> {
    let view = context.view;
    let systems = view.members_of(context.visible_chassis()).ids().filter_map(|id| view.systems.get(id));
    let managed = systems.filter(|vm| !vm.machine.trust.is_empty() && may_manage(context, vm));
    let of_slot = |name, trust: &ImageTrust| {
        let slot = trust.slot;
        let ids: Vec<_> = trust.certificates.iter().map(ImageCertificate::id).collect();
        ids.into_iter().map(move |id| Link::to(Route::MediaCertificate(name, slot, id)))
    };
    let all = managed.flat_map(|vm| {
        let name = view.shown_name(&vm.machine.id);
        let shown = vm.machine.trust.iter().filter(|trust| Slot::SHOWN.contains(&trust.slot));
        shown.flat_map(move |trust| of_slot(name, trust))
    });
    all.collect()
}
