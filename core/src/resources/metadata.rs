//! `/redfish/v1/$metadata`: the OData metadata document (DSP0266 clause 8.5.1).

use std::fmt::Write as _;

use super::SCHEMAS;
use crate::http::{MediaType, Representation};

pub(super) fn represent() -> Representation {
    let mut xml = String::with_capacity(4_096);
    xml.push_str(HEAD);
    for schema in SCHEMAS {
        // Writing to a string cannot fail.
        let _ = write!(
            xml,
            "  <edmx:Reference Uri=\"https://redfish.dmtf.org/schemas/v1/{}_v1.xml\">\n    <edmx:Include Namespace=\"{}\"/>\n",
            schema.name, schema.name
        );
        if schema.namespace != schema.name {
            let _ = writeln!(xml, "    <edmx:Include Namespace=\"{}\"/>", schema.namespace);
        }
        xml.push_str("  </edmx:Reference>\n");
    }
    xml.push_str(TYPES);
    xml.push_str(TAIL);
    Representation::of_document(MediaType::Xml, xml.into())
}

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
  <edmx:Reference Uri="https://redfish.dmtf.org/schemas/v1/RedfishExtensions_v1.xml">
    <edmx:Include Namespace="RedfishExtensions.v1_0_0" Alias="Redfish"/>
  </edmx:Reference>
"#;

/// What resources are made of: types that are no resources.
const TYPES: &str = r#"  <edmx:Reference Uri="https://redfish.dmtf.org/schemas/v1/Resource_v1.xml">
    <edmx:Include Namespace="Resource"/>
    <edmx:Include Namespace="Resource.v1_23_0"/>
  </edmx:Reference>
  <edmx:Reference Uri="https://redfish.dmtf.org/schemas/v1/IPAddresses_v1.xml">
    <edmx:Include Namespace="IPAddresses"/>
    <edmx:Include Namespace="IPAddresses.v1_1_5"/>
  </edmx:Reference>
  <edmx:Reference Uri="https://redfish.dmtf.org/schemas/v1/Message_v1.xml">
    <edmx:Include Namespace="Message"/>
    <edmx:Include Namespace="Message.v1_3_0"/>
  </edmx:Reference>
  <edmx:Reference Uri="https://redfish.dmtf.org/schemas/v1/Settings_v1.xml">
    <edmx:Include Namespace="Settings"/>
    <edmx:Include Namespace="Settings.v1_4_0"/>
  </edmx:Reference>
  <edmx:Reference Uri="https://redfish.dmtf.org/schemas/v1/Protocol_v1.xml">
    <edmx:Include Namespace="Protocol"/>
  </edmx:Reference>
"#;

const TAIL: &str = r#"  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">
      <EntityContainer Name="Service" Extends="ServiceRoot.v1_20_0.ServiceContainer"/>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_is_that_of_the_service_root() {
        assert!(TAIL.contains(super::super::service_root::SCHEMA.namespace));
        let body = String::from_utf8(represent().body.to_vec()).expect("UTF-8");
        assert_eq!(body.matches("<edmx:Reference ").count(), body.matches("</edmx:Reference>").count());
        assert!(body.contains("<edmx:Include Namespace=\"ComputerSystem.v1_27_0\"/>"));
    }
}
