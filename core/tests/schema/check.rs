//! Whether a resource is what the schema says that it is.

use kubevirt_redfish_core::time::UnixTime;
use serde_json::{Map, Value};

use crate::csdl::{Csdl, Kind, Member, Object, Type, version};

/// What is wrong with a resource; nothing if it is what its `@odata.type` says.
pub(crate) fn check(csdl: &mut Csdl, resource: &Value) -> Vec<String> {
    let declared = resource.get("@odata.type").and_then(Value::as_str).unwrap_or_default().trim_start_matches('#');
    let namespace = declared.rsplit_once('.').map_or("", |(namespace, _)| namespace);
    let Some(Type::Object(object)) = csdl.exact(declared) else {
        return vec![format!("there is no type {declared}")];
    };
    let schema = namespace.split('.').next().unwrap_or_default().to_owned();
    let mut check = Check { csdl, schema, version: version(namespace), problems: Vec::new() };
    check.object("", resource, &object);
    check.problems
}

struct Check<'a> {
    csdl: &'a mut Csdl,
    /// The schema of the resource, and its version: what it adds to other schemas' types is not bound by it.
    schema: String,
    version: Vec<u32>,
    problems: Vec<String>,
}

impl Check<'_> {
    fn problem(&mut self, path: &str, text: &str) {
        self.problems.push(format!("{path}: {text}"));
    }

    fn object(&mut self, path: &str, value: &Value, object: &Object) {
        let Some(values) = value.as_object() else {
            return self.problem(path, "not an object");
        };
        let members = self.members(object);
        for (name, member) in &members {
            if member.required && !values.contains_key(name) {
                self.problem(path, &format!("{name} is required"));
            }
        }
        for (name, value) in values {
            let path = format!("{path}/{name}");
            if let Some((property, term)) = name.split_once('@') {
                self.annotation(&path, property, term, value, values, &members);
            } else if let Some(action) = name.strip_prefix('#') {
                self.action(&path, action, value);
            } else if let Some(member) = members.get(name) {
                self.member(&path, value, member);
            } else if let Some(of) = object.others.clone() {
                self.value(&path, value, &of);
            } else {
                self.problem(&path, "not in the schema");
            }
        }
    }

    /// All members, those of the types that it extends included.
    fn members(&mut self, object: &Object) -> std::collections::BTreeMap<String, Member> {
        let mut members = object.members.clone();
        let mut base = object.base.clone();
        while let Some(name) = base.take() {
            if let Some(Type::Object(object)) = self.csdl.exact(&name) {
                for (name, member) in object.members {
                    members.entry(name).or_insert(member);
                }
                base = object.base;
            }
        }
        members
    }

    fn annotation(
        &mut self,
        path: &str,
        property: &str,
        term: &str,
        value: &Value,
        values: &Map<String, Value>,
        members: &std::collections::BTreeMap<String, Member>,
    ) {
        match (term, members.get(property)) {
            ("odata.count", Some(_)) => {
                let length = values.get(property).and_then(Value::as_array).map(Vec::len);
                if value.as_u64().and_then(|count| usize::try_from(count).ok()) != length {
                    self.problem(path, "not the number of elements");
                }
            }
            ("Redfish.AllowableValues", Some(member)) => {
                for value in value.as_array().into_iter().flatten() {
                    self.value(path, value, &member.of);
                }
            }
            // What the specification says of them, not the schema.
            (_, None) if property.is_empty() => {}
            _ => self.problem(path, "an annotation of nothing"),
        }
    }

    fn action(&mut self, path: &str, action: &str, value: &Value) {
        let Some((schema, name)) = action.split_once('.') else {
            return self.problem(path, "not an action");
        };
        let Some(parameters) = self.csdl.action(schema, name, &self.version.clone()) else {
            return self.problem(path, "the schema has no such action");
        };
        for (name, value) in value.as_object().into_iter().flatten() {
            match name.split_once('@') {
                None if name == "target" || name == "title" => {}
                Some(("", "Redfish.ActionInfo" | "Redfish.OperationApplyTimeSupport")) => {}
                Some((parameter, "Redfish.AllowableValues")) => match parameters.get(parameter).cloned() {
                    Some(of) => {
                        for value in value.as_array().into_iter().flatten() {
                            self.value(&format!("{path}/{name}"), value, &of);
                        }
                    }
                    None => self.problem(path, &format!("no parameter {parameter}")),
                },
                _ => self.problem(path, &format!("{name} says nothing of an action")),
            }
        }
    }

    fn member(&mut self, path: &str, value: &Value, member: &Member) {
        if value.is_null() {
            if !member.nullable {
                self.problem(path, "null");
            }
            return;
        }
        if !member.list {
            return self.element(path, value, member);
        }
        match value.as_array() {
            Some(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.element(&format!("{path}/{index}"), item, member);
                }
            }
            None => self.problem(path, "not a list"),
        }
    }

    fn element(&mut self, path: &str, value: &Value, member: &Member) {
        if member.kind == Kind::Value {
            return self.value(path, value, &member.of);
        }
        let members: Vec<&str> = value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        if members != ["@odata.id"] {
            self.problem(path, "not a reference");
        }
    }

    fn value(&mut self, path: &str, value: &Value, of: &str) {
        if let Some(primitive) = of.strip_prefix("Edm.") {
            if !is_primitive(value, primitive) {
                self.problem(path, &format!("{value} is no {primitive}"));
            }
            return;
        }
        // Another schema's types may be of any version.
        let own = of.split('.').next() == Some(&self.schema);
        let newest = if own { self.version.clone() } else { vec![u32::MAX] };
        match self.csdl.resolve(of, &newest) {
            Some((_, Type::Object(object))) => self.object(path, value, &object),
            Some((_, Type::Names(names))) => {
                if !value.as_str().is_some_and(|name| names.contains(name)) {
                    self.problem(path, &format!("{value} is no {of}"));
                }
            }
            Some((_, Type::Alias(of))) => self.value(path, value, &of),
            None => self.problem(path, &format!("there is no type {of}")),
        }
    }
}

fn is_primitive(value: &Value, primitive: &str) -> bool {
    match primitive {
        "Boolean" => value.is_boolean(),
        "Decimal" | "Double" => value.is_number(),
        "Int16" | "Int32" | "Int64" => value.is_i64() || value.is_u64(),
        "DateTimeOffset" => value.as_str().is_some_and(|text| UnixTime::parse(text).is_some()),
        "Guid" => value.as_str().is_some_and(|text| text.len() == 36),
        "PrimitiveType" => !value.is_object() && !value.is_array(),
        _ => value.is_string(),
    }
}
