//! `/redfish`: the protocol versions (DSP0266 clause 6.2), word for word as it is prescribed.

use bytes::Bytes;

use crate::http::{MediaType, Representation};

pub(super) fn represent() -> Representation {
    Representation::of_document(MediaType::Json, Bytes::from_static(b"{\"v1\":\"/redfish/v1/\"}"))
}
