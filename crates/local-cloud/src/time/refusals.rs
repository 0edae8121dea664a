//! Calls that AWS refuses while something is on its way.

use hyper::StatusCode;

use super::lifecycles::Phase;
use super::table::{Kind, REFUSALS};
use super::{acm, documents, key, named};
use crate::call::Call;
use crate::cloud::Cloud;
use crate::protocol::errors;
use crate::reply::Reply;

/// What AWS answers when a resource is asked to change in the midst of something else.
pub(super) fn busy(cloud: &Cloud, call: &Call, kind: &Kind) -> Option<Reply> {
    let code = kind.busy?;
    let (lifecycles, now) = (cloud.lifecycles(), cloud.clock.now());
    let (id, phase) = named(call, kind)
        .into_iter()
        .find_map(|id| lifecycles.phase(&key(kind, &call.region, &id), now).map(|phase| (id, phase)))?;
    // A database instance may be deleted whatever it does, unless that is being deleted.
    if call.operation == kind.delete && kind.service == "rds" && phase != Phase::Deleting {
        return None;
    }
    let doing = match phase {
        Phase::Creating => kind.shape.creating,
        Phase::Modifying => kind.shape.modifying,
        Phase::Deleting => kind.shape.deleting,
    };
    let message = format!("{id} is not in available state: it is {doing}");
    Some(errors::answer(call, StatusCode::BAD_REQUEST, code, &message))
}

/// A call that AWS refuses as long as something else is on its way.
pub(super) fn refuse(cloud: &Cloud, call: &Call) -> Option<Reply> {
    let (lifecycles, now) = (cloud.lifecycles(), cloud.clock.now());
    if call.service == "elasticloadbalancing" && call.operation == "CreateListener" {
        let arns = call.form.iter().filter(|(name, _)| name.ends_with("CertificateArn"));
        for (_, arn) in arns {
            if lifecycles.phase(&acm::key(&call.region, arn), now).is_some() {
                let message = format!(
                    "The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported key size."
                );
                return Some(errors::answer(call, StatusCode::BAD_REQUEST, "UnsupportedCertificate", &message));
            }
        }
    }
    let rule = REFUSALS.iter().find(|rule| rule.service == call.service && rule.operation == call.operation)?;
    let id = call.field(rule.field)?;
    let held = if rule.operation == "DetachInternetGateway" { documents::public_addresses(id) } else { id.to_owned() };
    let holder = lifecycles.holder(&call.region, &held, now)?;
    let message = format!("{id} is still in use by {}, which is being deleted", holder.id);
    Some(errors::answer(call, StatusCode::BAD_REQUEST, rule.code, &message))
}
