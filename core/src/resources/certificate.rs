//! `/redfish/v1/Systems/{system}/VirtualMedia/{slot}/Certificates/{certificate}`: a certificate by which servers of a
//! slot's images are known. Schema `Certificate`, version 1.11.0.

use serde::Serialize;
use serde_json::Value;

use super::{Context, parameters};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::messages::{Message, base};
use crate::model::{Action, CertificateId, ImageCertificate, Slot, TrustChange};
use crate::route::Route;
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("Certificate", "v1_11_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: String,
    name: &'static str,
    certificate_string: &'a str,
    certificate_type: &'static str,
}

pub(super) fn represent(
    context: &Context<'_>,
    vm: &Vm,
    slot: Slot,
    id: CertificateId,
) -> Result<Representation, Refusal> {
    let certificate = find(vm, slot, id)?;
    let resource = Body {
        odata_id: Route::MediaCertificate(context.view.shown_name(&vm.machine.id), slot, id),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: id.to_string(),
        name: "Image Server Certificate",
        certificate_string: certificate.pem(),
        certificate_type: PEM,
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}

/// Understands a POST to the collection. Posting what is there already makes no second one.
pub(super) fn create(slot: Slot, body: &JsonObject) -> Result<(Action, CertificateId), Refusal> {
    let mut patch = parameters::Patch::new(&["Name"]);
    let (mut text, mut kind) = (None, None);
    for (name, value) in parameters::members_of_new(body) {
        match name {
            STRING => text = patch.text(name, value),
            TYPE => match parameters::choice(name, value, &[PEM], |kind| kind) {
                Ok(found) => kind = Some(found),
                Err(problem) => patch.problem(problem.about(format!("#/{TYPE}"))),
            },
            _ => patch.not_writable(name),
        }
    }
    for name in [STRING, TYPE] {
        if body.get(name).is_none_or(Value::is_null) {
            patch.problem(Message::new(&base::PROPERTY_MISSING, [name]).about(format!("#/{name}")));
        }
    }
    let certificate = text.as_deref().and_then(ImageCertificate::parse);
    if text.is_some() && certificate.is_none() {
        // It is long, and not fit to be repeated.
        let message = Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, ["...", STRING]);
        patch.problem(message.about(format!("#/{STRING}")));
    }
    patch.finish()?;
    match (certificate, kind) {
        (Some(certificate), Some(_)) => {
            let id = certificate.id();
            Ok((Action::SetImageTrust { slot, change: TrustChange::Add(certificate) }, id))
        }
        _ => Err(Refusal::bad_request(vec![Message::new(&base::PROPERTY_MISSING, [STRING])])),
    }
}

/// Understands a DELETE.
pub(super) fn remove(vm: &Vm, slot: Slot, id: CertificateId) -> Result<Action, Refusal> {
    find(vm, slot, id)?;
    Ok(Action::SetImageTrust { slot, change: TrustChange::Remove(id) })
}

fn find(vm: &Vm, slot: Slot, id: CertificateId) -> Result<&ImageCertificate, Refusal> {
    let mut certificates = vm.trust(slot).into_iter().flat_map(|trust| trust.certificates.iter());
    certificates.find(|known| known.id() == id).ok_or_else(|| Refusal::not_found("Certificate", &id.to_string()))
}

const STRING: &str = "CertificateString";
const TYPE: &str = "CertificateType";
const PEM: &str = "PEM";
