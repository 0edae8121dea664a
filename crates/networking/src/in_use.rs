//! Why AWS refuses a deletion: "DependencyViolation" does not say what depends.

use cloud::{Failure, FailureKind};

/// How many things one message names.
const NAMED: usize = 8;

/// Something that keeps another from being deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocker {
    /// Which it is, and whose.
    pub words: String,
    /// What a person can do about it; none: it goes by itself.
    pub remedy: Option<String>,
}

impl Blocker {
    /// It goes by itself, sooner or later.
    pub fn passing(words: impl Into<String>) -> Self {
        Self { words: words.into(), remedy: None }
    }

    /// It stays until somebody does this.
    pub fn staying(words: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { words: words.into(), remedy: Some(remedy.into()) }
    }
}

/// The failure with what is in the way. It is final where something stays until a person acts: waiting for that would
/// only look like hanging.
pub(crate) fn explained(failure: Failure, blockers: &[Blocker]) -> Failure {
    if blockers.is_empty() {
        return failure;
    }
    // What needs a person comes first.
    let (staying, passing): (Vec<&Blocker>, Vec<&Blocker>) = blockers.iter().partition(|b| b.remedy.is_some());
    let all: Vec<&str> = staying.iter().chain(&passing).map(|blocker| blocker.words.as_str()).collect();
    let more = match all.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let named = all[..all.len().min(NAMED)].join("; ");
    let remedies: Vec<&str> = staying.iter().take(NAMED).filter_map(|blocker| blocker.remedy.as_deref()).collect();
    let (kind, hint) = match remedies.as_slice() {
        [] => (FailureKind::InUse, failure.hint),
        remedies => (FailureKind::Invalid, Some(format!("{}; then destroy again", remedies.join("; ")))),
    };
    Failure { kind, message: format!("still in use by {named}{more}"), hint, ..failure }
}

#[cfg(test)]
mod tests {
    use cloud::Resource;

    use super::*;
    use crate::security_group::SecurityGroup;
    use crate::subnet::Subnet;
    use crate::tests::scripted::{self, Answer};
    use crate::vpc_gateway_attachment::VpcGatewayAttachment;

    fn refused() -> Failure {
        Failure { code: "DependencyViolation".into(), ..Failure::new(FailureKind::InUse, "has dependencies") }
    }

    #[test]
    fn what_passes_is_waited_for_and_what_stays_is_final() {
        let passing = explained(refused(), &[Blocker::passing("network interface eni-1 of Lambda")]);
        assert_eq!((passing.kind, passing.hint), (FailureKind::InUse, None));
        assert_eq!(passing.message, "still in use by network interface eni-1 of Lambda");
        let both = [Blocker::passing("eni-1"), Blocker::staying("eni-2", "delete eni-2")];
        let staying = explained(refused(), &both);
        assert_eq!((staying.kind, staying.message.as_str()), (FailureKind::Invalid, "still in use by eni-2; eni-1"));
        assert_eq!(staying.hint.as_deref(), Some("delete eni-2; then destroy again"));
        assert_eq!(explained(refused(), &[]).message, "has dependencies");
    }

    #[test]
    fn a_long_list_is_cut() {
        let many: Vec<Blocker> = (0..12).map(|n| Blocker::passing(format!("eni-{n}"))).collect();
        assert!(explained(refused(), &many).message.ends_with("eni-7; and 4 more"));
    }

    const LEFT: &str = "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><status>STATUS</status>\
        <description>DESCRIPTION</description></item></networkInterfaceSet>";

    fn left(status: &str, description: &str) -> String {
        LEFT.replace("STATUS", status).replace("DESCRIPTION", description)
    }

    /// Status and description of an interface; what becomes of the group's deletion; whether the interface is deleted.
    type Case = (&'static str, &'static str, Result<(), FailureKind>, bool);

    #[tokio::test]
    async fn an_interface_that_a_service_left_is_deleted_and_no_other() {
        let cases: [Case; 4] = [
            ("available", "AWS Lambda VPC ENI-fn-1", Ok(()), true),
            ("in-use", "AWS Lambda VPC ENI-fn-1", Err(FailureKind::InUse), false),
            ("available", "made by hand", Err(FailureKind::Invalid), false),
            ("in-use", "made by hand", Err(FailureKind::Invalid), false),
        ];
        for (status, description, expected, deleted) in cases {
            let (cx, calls) = scripted::ec2(move |asked, before| match asked.action.as_str() {
                "DeleteSecurityGroup" | "DeleteSubnet" if before == 0 || !deleted => {
                    Answer::Refused("DependencyViolation")
                }
                "DescribeNetworkInterfaces" => Answer::Is(left(status, description)),
                _ => Answer::Is("<return>true</return>".to_owned()),
            })
            .await;
            for result in [SecurityGroup::delete("sg-1", &cx).await, Subnet::delete("subnet-1", &cx).await] {
                let words = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
                assert!(result.is_ok() || words.contains(&format!("eni-1 \"{description}\"")), "{words}");
                assert_eq!(result.map_err(|failure| failure.kind), expected, "{status} {description}");
            }
            assert_eq!(calls.count("DeleteNetworkInterface"), if deleted { 2 } else { 0 }, "{status} {description}");
            assert_eq!(calls.count("DescribeNetworkInterfaces"), 2, "one look at each");
        }
    }

    #[tokio::test]
    async fn a_rule_of_ours_in_another_group_is_revoked() {
        let environment =
            |of: &str| format!("<tagSet><item><key>groundplan:environment</key><value>{of}</value></item></tagSet>");
        for (of, ours) in [("arrakis/production", true), ("arrakis/staging", false)] {
            let tags = environment(of);
            let (cx, calls) = scripted::ec2(move |asked, before| match asked.action.as_str() {
                "DeleteSecurityGroup" if before == 0 || !ours => Answer::Refused("DependencyViolation"),
                "DescribeSecurityGroups" if !asked.body.contains("egress.ip-permission") => Answer::Is(format!(
                    "<securityGroupInfo><item><groupId>sg-2</groupId><groupName>web</groupName>{tags}</item>\
                     </securityGroupInfo>"
                )),
                "DescribeSecurityGroupRules" => Answer::Is(
                    "<securityGroupRuleSet><item><securityGroupRuleId>sgr-1</securityGroupRuleId><groupId>sg-2</groupId>\
                     <isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>5432</fromPort><toPort>5432</toPort>\
                     <referencedGroupInfo><groupId>sg-1</groupId></referencedGroupInfo></item></securityGroupRuleSet>"
                        .to_owned(),
                ),
                _ => Answer::Is("<return>true</return>".to_owned()),
            })
            .await;
            let result = SecurityGroup::delete("sg-1", &cx).await;
            let revoked = calls.bodies("RevokeSecurityGroupIngress");
            if ours {
                result.unwrap();
                assert!(revoked[0].contains("GroupId=sg-2") && revoked[0].contains("sgr-1"), "{revoked:?}");
            } else {
                let failure = result.unwrap_err();
                assert_eq!((failure.kind, revoked.len()), (FailureKind::Invalid, 0));
                assert!(failure.message.contains("rule sgr-1 (tcp 5432 in) of security group sg-2 (web)"), "{failure}");
                assert!(failure.hint.unwrap().contains("--security-group-rule-ids sgr-1"));
            }
        }
    }

    #[tokio::test]
    async fn a_public_address_keeps_the_internet_gateway() {
        let (cx, _) = scripted::ec2(|asked, _| match asked.action.as_str() {
            "DetachInternetGateway" => Answer::Refused("DependencyViolation"),
            "DescribeInternetGateways" => Answer::Is(
                "<internetGatewaySet><item><internetGatewayId>igw-1</internetGatewayId><attachmentSet><item>\
                 <vpcId>vpc-1</vpcId><state>available</state></item></attachmentSet></item></internetGatewaySet>"
                    .to_owned(),
            ),
            _ => Answer::Is(
                "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><status>in-use</status>\
                 <association><publicIp>198.51.100.7</publicIp></association><attachment><instanceId>i-1</instanceId>\
                 <attachmentId>eni-attach-1</attachmentId><instanceOwnerId>1</instanceOwnerId></attachment></item>\
                 <item><networkInterfaceId>eni-2</networkInterfaceId></item></networkInterfaceSet>"
                    .to_owned(),
            ),
        })
        .await;
        let failure = VpcGatewayAttachment::delete("IGW|vpc-1", &cx).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert_eq!(failure.message, "still in use by network interface eni-1, attached to the instance i-1");
    }

    #[tokio::test]
    async fn nothing_is_looked_for_where_nothing_is_refused() {
        let (cx, calls) = scripted::ec2(|_, _| Answer::Is("<return>true</return>".to_owned())).await;
        SecurityGroup::delete("sg-1", &cx).await.unwrap();
        Subnet::delete("subnet-1", &cx).await.unwrap();
        assert_eq!(calls.actions(), ["DeleteSecurityGroup", "DeleteSubnet"]);
        let (cx, calls) = scripted::ec2(|asked, _| match asked.action.as_str() {
            "DeleteSecurityGroup" => Answer::Refused("DependencyViolation"),
            _ => Answer::Refused("UnauthorizedOperation"),
        })
        .await;
        let failure = SecurityGroup::delete("sg-1", &cx).await.unwrap_err();
        assert_eq!(failure.code, "DependencyViolation", "what may not be looked at hides the reason");
        assert_eq!(calls.count("DeleteSecurityGroup"), 1);
    }
}
