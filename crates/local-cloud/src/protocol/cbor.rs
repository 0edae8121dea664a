//! CloudWatch's messages between CBOR and JSON. JSON has one kind of number and no time, so the members that are times and
//! floating-point numbers in CloudWatch's model are named here.
//! <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value as Json};

/// CBOR's tag for seconds since 1970.
const EPOCH: u64 = 1;

/// Members, or lists of them, that are times.
const TIMES: &[&str] = &[
    "AlarmConfigurationUpdatedTimestamp",
    "CreationDate",
    "EndTime",
    "LastModified",
    "LastUpdateDate",
    "StartDate",
    "StartTime",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
    "Timestamp",
    "Timestamps",
];

/// Members, or lists or maps of them, that are floating-point.
const DOUBLES: &[&str] = &[
    "ApproximateUniqueCount",
    "Average",
    "Counts",
    "ExtendedStatistics",
    "Maximum",
    "Minimum",
    "SampleCount",
    "Sum",
    "Threshold",
    "Values",
];

/// Members that are bytes.
const BLOBS: &[&str] = &["MetricWidgetImage"];

/// A request's CBOR as JSON; an empty body is an empty object.
pub fn to_json(bytes: &[u8]) -> Result<Json, String> {
    if bytes.is_empty() {
        return Ok(Json::Object(Map::new()));
    }
    let value: Cbor = ciborium::from_reader(bytes).map_err(|error| error.to_string())?;
    Ok(plain(value))
}

fn plain(value: Cbor) -> Json {
    match value {
        Cbor::Bool(flag) => Json::Bool(flag),
        Cbor::Text(text) => Json::String(text),
        Cbor::Bytes(bytes) => Json::String(BASE64.encode(bytes)),
        Cbor::Integer(number) => {
            let number = i128::from(number);
            match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => number.into(),
                (_, Ok(number)) => number.into(),
                _ => Json::Null,
            }
        }
        // ministack reads times as whole numbers or ISO text; floats that are whole lose nothing as integers.
        Cbor::Float(number) => match Number::from_f64(number) {
            Some(number) => Json::Number(number),
            None => Json::String(number.to_string()),
        },
        Cbor::Tag(_, inner) => plain(*inner),
        Cbor::Array(items) => items.into_iter().map(plain).collect(),
        Cbor::Map(entries) => entries
            .into_iter()
            .filter_map(|(name, value)| match name {
                Cbor::Text(name) if !value.is_null() => Some((name, plain(value))),
                _ => None,
            })
            .collect(),
        _ => Json::Null,
    }
}

/// An answer's JSON as CBOR. Null is an empty map: the answer of an operation that has none.
pub fn from_json(value: &Json) -> Vec<u8> {
    let value = if value.is_object() { typed(value, None) } else { Cbor::Map(Vec::new()) };
    let mut bytes = Vec::new();
    // Writing to memory does not fail; were it to, an empty map is still an answer that clients can read.
    if ciborium::into_writer(&value, &mut bytes).is_err() {
        return vec![0xa0];
    }
    bytes
}

fn typed(value: &Json, member: Option<&str>) -> Cbor {
    let is = |names: &[&str]| member.is_some_and(|member| names.contains(&member));
    match value {
        Json::Null => Cbor::Null,
        Json::Bool(flag) => Cbor::Bool(*flag),
        Json::Array(items) => Cbor::Array(items.iter().map(|item| typed(item, member)).collect()),
        Json::Object(entries) => Cbor::Map(
            entries
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| {
                    // The values of a map of doubles are named by the user.
                    let inner = if is(&["ExtendedStatistics"]) { member } else { Some(name.as_str()) };
                    (Cbor::Text(name.clone()), typed(value, inner))
                })
                .collect(),
        ),
        Json::Number(number) if is(TIMES) => time(number.as_f64().unwrap_or_default()),
        Json::Number(number) => match number.as_i64() {
            Some(whole) if !is(DOUBLES) => Cbor::Integer(whole.into()),
            _ => float(number.as_f64().unwrap_or_default(), is(DOUBLES)),
        },
        Json::String(text) if is(TIMES) => match text.parse::<jiff::Timestamp>() {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
            Ok(at) => time(at.as_millisecond() as f64 / 1000.0),
            Err(_) => Cbor::Text(text.clone()),
        },
        Json::String(text) if is(BLOBS) => match BASE64.decode(text) {
            Ok(bytes) => Cbor::Bytes(bytes),
            Err(_) => Cbor::Text(text.clone()),
        },
        Json::String(text) => Cbor::Text(text.clone()),
    }
}

fn time(seconds: f64) -> Cbor {
    Cbor::Tag(EPOCH, Box::new(Cbor::Float(seconds)))
}

/// A float that stands for an integer member (a period of `60.0`) becomes the integer that clients insist on.
fn float(number: f64, wanted: bool) -> Cbor {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    if !wanted && number.fract() == 0.0 && number.abs() < 9e15 {
        return Cbor::Integer((number as i64).into());
    }
    Cbor::Float(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(value: &Cbor) -> Vec<u8> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn request_becomes_json() {
        let request = Cbor::Map(vec![
            (Cbor::Text("AlarmName".into()), Cbor::Text("cpu".into())),
            (Cbor::Text("Threshold".into()), Cbor::Float(80.5)),
            (Cbor::Text("Period".into()), Cbor::Integer(60.into())),
            (Cbor::Text("StartTime".into()), Cbor::Tag(1, Box::new(Cbor::Float(1_700_000_000.0)))),
            (Cbor::Text("Unit".into()), Cbor::Null),
        ]);
        let expected = json!({"AlarmName": "cpu", "Threshold": 80.5, "Period": 60, "StartTime": 1_700_000_000.0});
        assert_eq!(to_json(&written(&request)).unwrap(), expected);
        assert_eq!(to_json(b"").unwrap(), json!({}));
        assert!(to_json(&[0xff]).is_err());
    }

    #[test]
    fn answer_gets_its_types_back() {
        let answer = json!({"MetricAlarms": [{"Threshold": 80, "Period": 60.0, "StateUpdatedTimestamp": "2026-01-02T03:04:05Z",
            "AlarmConfigurationUpdatedTimestamp": 1_700_000_000, "TreatMissingData": null}],
            "MetricDataResults": [{"Values": [1, 2.5], "Timestamps": [1_700_000_000]}],
            "Datapoints": [{"ExtendedStatistics": {"p99": 3}}]});
        let value: Cbor = ciborium::from_reader(from_json(&answer).as_slice()).unwrap();
        let get = |value: &Cbor, name: &str| {
            let entries = value.as_map().unwrap();
            entries.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value.clone())
        };
        let alarm = get(&value, "MetricAlarms").unwrap().as_array().unwrap()[0].clone();
        assert_eq!(get(&alarm, "Threshold"), Some(Cbor::Float(80.0)));
        assert_eq!(get(&alarm, "Period"), Some(Cbor::Integer(60.into())));
        assert_eq!(get(&alarm, "StateUpdatedTimestamp"), Some(time(1_767_323_045.0)));
        assert_eq!(get(&alarm, "AlarmConfigurationUpdatedTimestamp"), Some(time(1_700_000_000.0)));
        assert_eq!(get(&alarm, "TreatMissingData"), None);
        let data = get(&value, "MetricDataResults").unwrap().as_array().unwrap()[0].clone();
        assert_eq!(get(&data, "Values"), Some(Cbor::Array(vec![Cbor::Float(1.0), Cbor::Float(2.5)])));
        assert_eq!(get(&data, "Timestamps"), Some(Cbor::Array(vec![time(1_700_000_000.0)])));
        let point = get(&value, "Datapoints").unwrap().as_array().unwrap()[0].clone();
        assert_eq!(get(&get(&point, "ExtendedStatistics").unwrap(), "p99"), Some(Cbor::Float(3.0)));
        assert_eq!(from_json(&Json::Null), [0xa0]);
    }
}
