//! Certificates: pending until issued, and without a validation record in the first moments.

use serde_json::{Value, json};

use super::lifecycles::{Key, Lifecycles};
use super::table::{CERTIFICATE_ISSUED, CERTIFICATE_RECORD};
use crate::call::Call;
use crate::cloud::Cloud;
use crate::reply::Reply;
use crate::rollouts;

pub(super) fn key(region: &str, arn: &str) -> Key {
    Key { kind: "AWS::CertificateManager::Certificate", region: region.to_owned(), id: arn.to_owned() }
}

pub(super) async fn around(cloud: &Cloud, call: Call) -> Reply {
    let (region, stuck) = (call.region.clone(), call.stuck);
    match call.operation.as_str() {
        "RequestCertificate" => {
            let reply = rollouts::around(cloud, call).await.whole().await;
            if let Some(arn) = reply.json()["CertificateArn"].as_str().filter(|_| reply.status.is_success()) {
                let (key, now) = (key(&region, arn), cloud.clock.now());
                match stuck {
                    true => cloud.lifecycles().stick(key, now),
                    false => cloud.lifecycles().create(key, now, CERTIFICATE_ISSUED * cloud.time_scale),
                }
            }
            reply
        }
        "DescribeCertificate" => {
            let reply = rollouts::around(cloud, call).await;
            reply
                .edit_json(|body| {
                    rewrite(&mut body["Certificate"], &region, &cloud.lifecycles(), cloud.clock.now(), cloud.time_scale)
                })
                .await
        }
        "ListCertificates" => {
            let reply = rollouts::around(cloud, call).await;
            let edit = |body: &mut Value| {
                for summary in body["CertificateSummaryList"].as_array_mut().into_iter().flatten() {
                    rewrite(summary, &region, &cloud.lifecycles(), cloud.clock.now(), cloud.time_scale);
                }
            };
            reply.edit_json(edit).await
        }
        _ => rollouts::around(cloud, call).await,
    }
}

fn rewrite(certificate: &mut Value, region: &str, lifecycles: &Lifecycles, now: f64, time_scale: f64) {
    let Some(arn) = certificate["CertificateArn"].as_str() else {
        return;
    };
    let Some(age) = lifecycles.age(&key(region, arn), now) else {
        return;
    };
    let Some(fields) = certificate.as_object_mut() else {
        return;
    };
    fields.insert("Status".into(), json!("PENDING_VALIDATION"));
    for name in ["IssuedAt", "NotBefore", "NotAfter", "Serial", "Issuer"] {
        fields.remove(name);
    }
    let options = fields.get_mut("DomainValidationOptions").and_then(Value::as_array_mut);
    for option in options.into_iter().flatten().filter_map(Value::as_object_mut) {
        option.insert("ValidationStatus".into(), json!("PENDING_VALIDATION"));
        if age < CERTIFICATE_RECORD * time_scale {
            option.remove("ResourceRecord");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_first_without_then_with_record() {
        let mut lifecycles = Lifecycles::default();
        lifecycles.create(key("us-east-1", "arn:c"), 0.0, 60.0);
        let issued = json!({"CertificateArn": "arn:c", "Status": "ISSUED", "IssuedAt": 1,
            "DomainValidationOptions": [{"ValidationStatus": "SUCCESS", "ResourceRecord": {"Name": "_x"}}]});
        for (now, status, record) in
            [(1.0, "PENDING_VALIDATION", false), (6.0, "PENDING_VALIDATION", true), (61.0, "ISSUED", true)]
        {
            let mut certificate = issued.clone();
            rewrite(&mut certificate, "us-east-1", &lifecycles, now, 1.0);
            assert_eq!(certificate["Status"], status, "{now}");
            assert_eq!(certificate["DomainValidationOptions"][0].get("ResourceRecord").is_some(), record, "{now}");
            assert_eq!(certificate.get("IssuedAt").is_some(), status == "ISSUED", "{now}");
        }
    }
}
