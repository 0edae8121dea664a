//! `AWS::CloudWatch::Dashboard`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-dashboard.html>.

use aws_sdk_cloudwatch::Client;
use cloud::{Absent, Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Resource, Tag};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::cloudwatch::{self, AT_ONCE};

/// A dashboard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Dashboard {
    /// The widgets as JSON text. Serialised in the form of [`normal`], so that two texts of one meaning are equal.
    #[serde(serialize_with = "normal_text")]
    pub dashboard_body: Option<String>,
    /// The name, unique in the account.
    pub dashboard_name: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

fn normal_text<S: Serializer>(body: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    body.as_deref().map(normal).serialize(serializer)
}

/// JSON text in one form: compact, keys sorted. What is no JSON stays as it is.
pub fn normal(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => sorted(value).to_string(),
        Err(_) => text.to_owned(),
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().map(|(key, item)| (key, sorted(item))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(Map::from_iter(entries))
        }
        other => other,
    }
}

impl Resource for Dashboard {
    const TYPE: &'static str = "AWS::CloudWatch::Dashboard";

    fn id(&self) -> Option<String> {
        self.dashboard_name.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let name = self.name(cx);
        if let Some(there) = get(&name, cx).await?
            && !cloudwatch::owns(&cloudwatch::tags_of(&there.arn, cx).await?, cx)
        {
            return Err(cloudwatch::taken("cloudwatch:PutDashboard", "the dashboard", &name));
        }
        self.put(&name, true, cx).await?;
        Ok(Created::new(name))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let body = |dashboard: &Self| dashboard.dashboard_body.as_deref().map(normal);
        if body(self) != body(live) {
            self.put(id, false, cx).await?;
        }
        let arn = async {
            let found = get(id, cx).await?;
            found.map(|found| found.arn).ok_or_else(|| Failure::missing("cloudwatch:GetDashboard", "DashboardArn"))
        };
        cloudwatch::sync_tags(&self.tags, &live.tags, cx, arn).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        // One dashboard a call: the API has no other way.
        let mut out = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            out.extend(try_join_all(some.iter().map(|id| live(id, cx))).await?);
        }
        Ok(out)
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_dashboards().dashboard_names(id).send();
        call.await.aws("cloudwatch:DeleteDashboards").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(name) = cloudwatch::name_to_find::<Self>(&self.dashboard_name, cx).await? else { return Ok(None) };
        let Some(there) = get(&name, cx).await? else {
            return Ok(None);
        };
        let ours = cloudwatch::owns(&cloudwatch::tags_of(&there.arn, cx).await?, cx);
        Ok(ours.then(|| Created::new(name)))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "cloudwatch", "dashboard/").map(str::to_owned)
    }

    fn charges(&self, _: &Pricing<'_>) -> Vec<Charge> {
        // The first three dashboards of an account are free, and which is the fourth nobody knows here.
        let quantity = Quantity::between(0.0, 1.0, 1.0);
        vec![Charge::new("Dashboards (the account's first three are free)", "cloudwatch.dashboard.month", quantity)]
    }
}

impl Dashboard {
    fn name(&self, cx: &Context) -> String {
        self.dashboard_name.clone().unwrap_or_else(|| cloudwatch::generated_name(cx))
    }

    /// Puts the dashboard. Tags count for a new one only.
    async fn put(&self, name: &str, new: bool, cx: &Context) -> Result<(), Failure> {
        // An invalid body is an error. Messages in a good answer are warnings: the dashboard was made.
        cx.client(Client::new)
            .put_dashboard()
            .dashboard_name(name)
            .set_dashboard_body(self.dashboard_body.as_deref().map(normal))
            .set_tags(new.then(|| cloudwatch::tags_for_create(&self.tags, cx)))
            .send()
            .await
            .aws("cloudwatch:PutDashboard")
            .map(drop)
    }
}

struct Found {
    arn: String,
    body: String,
}

async fn get(name: &str, cx: &Context) -> Result<Option<Found>, Failure> {
    let call = cx.client(Client::new).get_dashboard().dashboard_name(name).send();
    let answer = call.await.aws("cloudwatch:GetDashboard").absent()?;
    Ok(answer.map(|answer| Found {
        arn: answer.dashboard_arn.unwrap_or_default(),
        body: answer.dashboard_body.unwrap_or_default(),
    }))
}

async fn live(name: &str, cx: &Context) -> Result<Option<Live<Dashboard>>, Failure> {
    let Some(found) = get(name, cx).await? else {
        return Ok(None);
    };
    let tags = cloudwatch::live_tags(cloudwatch::tags_of(&found.arn, cx).await?);
    let body = normal(&found.body);
    Ok(Some(Live::new(Dashboard { dashboard_body: Some(body), dashboard_name: Some(name.to_owned()), tags })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_meaning_have_one_form() {
        let one = r#"{ "widgets": [ { "y": 0, "x": 1.5, "properties": {"title": "ä", "region": "r"} } ] }"#;
        let other = r#"{"widgets":[{"properties":{"region":"r","title":"ä"},"x":1.5,"y":0}]}"#;
        assert_eq!(normal(one), other);
        assert_eq!(normal(other), other);
        assert_eq!(normal("no { json"), "no { json");
    }

    #[test]
    fn a_declared_body_is_normal_and_keeps_its_references() {
        let handle = engine::Handle::to("networking.load-balancer.main");
        let body = format!(r#"{{"b": 1, "a": "{}"}}"#, handle.get("LoadBalancerFullName"));
        let dashboard = Dashboard { dashboard_body: Some(body), ..Dashboard::default() };
        let lowered = engine::intrinsic::lower(serde_json::to_value(dashboard).unwrap());
        let reference = serde_json::json!({ "Fn::GetAtt": ["networking.load-balancer.main", "LoadBalancerFullName"] });
        assert_eq!(
            lowered["DashboardBody"],
            serde_json::json!({ "Fn::Join": ["", ["{\"a\":\"", reference, "\",\"b\":1}"]] })
        );
    }
}
