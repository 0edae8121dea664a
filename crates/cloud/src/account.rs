//! Which account calls go to, the guard against a wrong one, and ARNs that follow from it.

use std::sync::Arc;

use engine::{Context, Failure, FailureKind};

use crate::{AwsResult, Cloud};

impl Cloud {
    /// The account id that the credentials belong to (`sts:GetCallerIdentity`, asked once).
    pub async fn account(&self, region: &str) -> Result<String, Failure> {
        let ask = || async {
            let sts = self.client(region, aws_sdk_sts::Client::new);
            let identity = sts.get_caller_identity().send().await.aws("sts:GetCallerIdentity")?;
            identity.account.ok_or_else(|| Failure::missing("sts:GetCallerIdentity", "Account"))
        };
        self.account.get_or_try_init(ask).await.cloned()
    }

    /// Refuses to go on in another account than the environment file names.
    pub async fn guard(&self, region: &str, expected: &str) -> Result<(), Failure> {
        let actual = self.account(region).await?;
        if actual == expected {
            return Ok(());
        }
        let message = format!("the credentials are of account {actual}, the environment is for account {expected}");
        Err(Failure::new(FailureKind::Denied, message).hint("choose another AWS profile: AWS_PROFILE=…"))
    }
}

/// The ARN of a thing in the resource's account and region whose service names it by what was declared:
/// `arn(cx, "cloudwatch", "alarm:name")`. So nothing has to be described to know it.
pub async fn arn(cx: &Context, service: &str, thing: &str) -> Result<String, Failure> {
    let cloud = cx.services.downcast_ref::<Arc<Cloud>>().ok_or_else(|| Failure::invalid("no cloud is connected"))?;
    let account = cloud.account(&cx.region).await?;
    Ok(format!("arn:{}:{service}:{}:{account}:{thing}", partition(&cx.region), cx.region))
}

/// What an ARN names within its service: `vpc-1` of `arn:…:ec2:…:vpc/vpc-1` for `("ec2", "vpc/")`. `None`: it is of
/// another service, or begins otherwise. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.
pub fn arn_name<'a>(arn: &'a str, service: &str, begins: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let (prefix, _partition, of) = (parts.next()?, parts.next()?, parts.next()?);
    let thing = parts.nth(2)?;
    let name = thing.strip_prefix(begins).filter(|name| !name.is_empty())?;
    (prefix == "arn" && of == service).then_some(name)
}

/// The partition of a region: <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>.
fn partition(region: &str) -> &'static str {
    const PARTITIONS: &[(&str, &str)] = &[
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    PARTITIONS.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(cloud: Cloud) -> Context {
        Context {
            environment: "freeside/staging".into(),
            region: "us-east-1".into(),
            address: "a.b".into(),
            token: "t".into(),
            services: Arc::new(Arc::new(cloud)),
            memo: None,
        }
    }

    #[tokio::test]
    async fn an_arn_follows_from_account_and_region() {
        let cloud = Cloud::offline();
        cloud.account.set("123456789012".to_owned()).unwrap();
        let arn = arn(&context(cloud), "cloudwatch", "alarm:p-cpu").await.unwrap();
        assert_eq!(arn, "arn:aws:cloudwatch:us-east-1:123456789012:alarm:p-cpu");
    }

    #[test]
    fn an_arn_names_a_thing_of_its_service() {
        let cases = [
            ("arn:aws:ec2:us-east-1:1:vpc/vpc-1", "ec2", "vpc/", Some("vpc-1")),
            ("arn:aws:ec2:us-east-1:1:vpc-endpoint/vpce-1", "ec2", "vpc/", None),
            ("arn:aws:logs:us-east-1:1:log-group:/ecs/api", "logs", "log-group:", Some("/ecs/api")),
            ("arn:aws:sns:us-east-1:1:alerts", "sns", "", Some("alerts")),
            ("arn:aws:sns:us-east-1:1:", "sns", "", None),
            ("arn:aws-cn:sns:cn-north-1:1:alerts", "sqs", "", None),
            ("vpc-1", "ec2", "", None),
        ];
        for (arn, service, begins, expected) in cases {
            assert_eq!(arn_name(arn, service, begins), expected, "{arn}");
        }
    }

    #[test]
    fn regions_have_their_partition() {
        let cases = [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-isob-east-1", "aws-iso-b"),
        ];
        for (region, expected) in cases {
            assert_eq!(partition(region), expected);
        }
    }
}
