//! `AWS::CloudWatch::CompositeAlarm`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-compositealarm.html>.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm as SdkCompositeAlarm};
use cloud::{Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Resource, Tag};
use serde::{Deserialize, Serialize};

use crate::cloudwatch::{self, given, text};

/// An alarm over the states of other alarms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct CompositeAlarm {
    /// Whether actions are carried out. AWS's default is true.
    pub actions_enabled: Option<bool>,
    /// Another alarm (name or ARN) that, while it is on, keeps this one quiet.
    pub actions_suppressor: Option<String>,
    /// Seconds of quiet after the suppressor is over.
    pub actions_suppressor_extension_period: Option<i32>,
    /// Seconds to wait for the suppressor before telling anybody.
    pub actions_suppressor_wait_period: Option<i32>,
    /// ARNs told when the alarm goes off.
    pub alarm_actions: Option<Vec<String>>,
    /// What it means.
    pub alarm_description: Option<String>,
    /// The name, unique in account and region.
    pub alarm_name: Option<String>,
    /// `ALARM("name") OR ALARM("other")`.
    pub alarm_rule: Option<String>,
    /// ARNs told when data are missing.
    pub insufficient_data_actions: Option<Vec<String>>,
    /// ARNs told when the alarm is over.
    #[serde(rename = "OKActions")]
    pub ok_actions: Option<Vec<String>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for CompositeAlarm {
    const TYPE: &'static str = "AWS::CloudWatch::CompositeAlarm";

    fn id(&self) -> Option<String> {
        self.alarm_name.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let name = self.name(cx);
        if let Some(there) = describe(&name, cx).await? {
            let tags = cloudwatch::tags_of(there.alarm_arn().unwrap_or_default(), cx).await?;
            if !cloudwatch::owns(&tags, cx) {
                return Err(cloudwatch::taken("cloudwatch:PutCompositeAlarm", "the alarm", &name));
            }
        }
        // PutCompositeAlarm answers with nothing.
        let arn = cloudwatch::alarm_arn(&name, cx).await?;
        self.put(&name, true, cx).await?;
        Ok(Created::new(name).with("Arn", arn))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let properties = |alarm: &Self| Self { tags: None, alarm_name: None, ..alarm.clone() };
        if properties(self) != properties(live) {
            self.put(id, false, cx).await?;
        }
        cloudwatch::sync_tags(&self.tags, &live.tags, cx, cloudwatch::alarm_arn(id, cx)).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let client = cx.client(Client::new);
        let found = cloudwatch::describe_alarms(&client, ids, &[AlarmType::CompositeAlarm]).await?.composite;
        let arns: Vec<String> = found.iter().filter_map(|alarm| alarm.alarm_arn.clone()).collect();
        let mut tags = cloudwatch::tags_of_all(&arns, cx).await?;
        let mut one = |id: &String| {
            let alarm = found.iter().find(|alarm| alarm.alarm_name() == Some(id))?.clone();
            let arn = alarm.alarm_arn.clone().unwrap_or_default();
            let properties =
                Self { tags: cloudwatch::live_tags(tags.remove(&arn).unwrap_or_default()), ..alarm.into() };
            Some(Live::new(properties).with("Arn", arn))
        };
        Ok(ids.iter().map(&mut one).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        cloudwatch::delete_alarm(id, cx).await
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(name) = cloudwatch::name_to_find::<Self>(&self.alarm_name, cx).await? else { return Ok(None) };
        let Some(there) = describe(&name, cx).await? else {
            return Ok(None);
        };
        let arn = there.alarm_arn.unwrap_or_default();
        let ours = cloudwatch::owns(&cloudwatch::tags_of(&arn, cx).await?, cx);
        Ok(ours.then(|| Created::new(name).with("Arn", arn)))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "cloudwatch", "alarm:").map(str::to_owned)
    }

    fn charges(&self, _: &Pricing<'_>) -> Vec<Charge> {
        vec![Charge::new("Composite alarms", "cloudwatch.composite-alarm.month", Quantity::exactly(1.0))]
    }
}

impl CompositeAlarm {
    fn name(&self, cx: &Context) -> String {
        self.alarm_name.clone().unwrap_or_else(|| cloudwatch::generated_name(cx))
    }

    /// Puts the whole alarm: what is not given is reset to AWS's default. Tags count for a new alarm only.
    async fn put(&self, name: &str, new: bool, cx: &Context) -> Result<(), Failure> {
        cx.client(Client::new)
            .put_composite_alarm()
            .alarm_name(name)
            .set_actions_enabled(self.actions_enabled)
            .set_actions_suppressor(self.actions_suppressor.clone())
            .set_actions_suppressor_extension_period(self.actions_suppressor_extension_period)
            .set_actions_suppressor_wait_period(self.actions_suppressor_wait_period)
            .set_alarm_actions(self.alarm_actions.clone())
            .set_alarm_description(self.alarm_description.clone())
            .set_alarm_rule(self.alarm_rule.clone())
            .set_insufficient_data_actions(self.insufficient_data_actions.clone())
            .set_ok_actions(self.ok_actions.clone())
            .set_tags(new.then(|| cloudwatch::tags_for_create(&self.tags, cx)))
            .send()
            .await
            .aws("cloudwatch:PutCompositeAlarm")
            .map(drop)
    }
}

async fn describe(name: &str, cx: &Context) -> Result<Option<SdkCompositeAlarm>, Failure> {
    let client = cx.client(Client::new);
    let found = cloudwatch::describe_alarms(&client, &[name.to_owned()], &[AlarmType::CompositeAlarm]).await?;
    Ok(found.composite.into_iter().find(|alarm| alarm.alarm_name() == Some(name)))
}

impl From<SdkCompositeAlarm> for CompositeAlarm {
    /// The alarm as AWS describes it, but for its tags.
    fn from(alarm: SdkCompositeAlarm) -> Self {
        Self {
            actions_enabled: alarm.actions_enabled,
            actions_suppressor: text(alarm.actions_suppressor),
            actions_suppressor_extension_period: alarm.actions_suppressor_extension_period,
            actions_suppressor_wait_period: alarm.actions_suppressor_wait_period,
            alarm_actions: given(alarm.alarm_actions),
            alarm_description: text(alarm.alarm_description),
            alarm_name: alarm.alarm_name,
            alarm_rule: alarm.alarm_rule,
            insufficient_data_actions: given(alarm.insufficient_data_actions),
            ok_actions: given(alarm.ok_actions),
            tags: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_aws_describes_is_what_was_declared() {
        let described = SdkCompositeAlarm::builder()
            .alarm_name("p-outage")
            .alarm_rule("ALARM(\"p-api-5xx\")")
            .alarm_description("")
            .ok_actions("arn:ok")
            .set_alarm_actions(Some(vec![]))
            .build();
        let live = engine::intrinsic::lower(serde_json::to_value(CompositeAlarm::from(described)).unwrap());
        let expected = json!({ "AlarmName": "p-outage", "AlarmRule": "ALARM(\"p-api-5xx\")", "OKActions": ["arn:ok"] });
        assert_eq!(live, expected);
    }
}
