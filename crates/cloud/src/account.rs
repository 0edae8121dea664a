//! Which account calls go to, and the guard against a wrong one.

use engine::{Failure, FailureKind};

use crate::{AwsResult, Cloud};

impl Cloud {
    /// The account id that the credentials belong to (`sts:GetCallerIdentity`).
    pub async fn account(&self, region: &str) -> Result<String, Failure> {
        let sts = self.client(region, aws_sdk_sts::Client::new);
        let identity = sts.get_caller_identity().send().await.aws("sts:GetCallerIdentity")?;
        identity.account.ok_or_else(|| Failure::missing("sts:GetCallerIdentity", "Account"))
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
