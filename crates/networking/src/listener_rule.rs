//! `AWS::ElasticLoadBalancingV2::ListenerRule`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-listenerrule.html>.

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig, PathPatternConditionConfig,
    QueryStringConditionConfig, QueryStringKeyValuePair, Rule, RuleCondition, RulePriorityPair,
    SourceIpConditionConfig,
};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::ec2::Soon;
use crate::elb;
use crate::listener_action::{self, Action};

/// What a listener does with the requests that meet some conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ListenerRule {
    /// The listener.
    pub listener_arn: Option<String>,
    /// The place among the listener's rules, 1 to 50000, the lowest first.
    pub priority: Option<i64>,
    /// What a request must meet: all of these.
    pub conditions: Option<Vec<Condition>>,
    /// What happens to it.
    pub actions: Option<Vec<Action>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// One condition: a field, and what it must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Condition {
    /// `path-pattern`, `host-header`, `http-header`, `http-request-method`, `query-string` or `source-ip`.
    pub field: Option<String>,
    /// Patterns of a path or host; the short way of writing.
    pub values: Option<Vec<String>>,
    /// Patterns of a path.
    pub path_pattern_config: Option<Values>,
    /// Patterns of a host.
    pub host_header_config: Option<Values>,
    /// Patterns of a header.
    pub http_header_config: Option<HttpHeaderConfig>,
    /// Methods.
    pub http_request_method_config: Option<Values>,
    /// Parameters of the query.
    pub query_string_config: Option<QueryStringConfig>,
    /// Ranges of the client's address.
    pub source_ip_config: Option<Values>,
}

/// Any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Values {
    /// The values, with `*` and `?` where the field takes patterns.
    pub values: Option<Vec<String>>,
}

/// A header and any of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct HttpHeaderConfig {
    /// The header's name.
    pub http_header_name: Option<String>,
    /// Patterns of its value.
    pub values: Option<Vec<String>>,
}

/// Any of these parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct QueryStringConfig {
    /// The parameters.
    pub values: Option<Vec<QueryParameter>>,
}

/// A parameter of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct QueryParameter {
    /// Its name; none: any.
    pub key: Option<String>,
    /// A pattern of its value.
    pub value: Option<String>,
}

impl Condition {
    /// The path meets a pattern.
    pub fn path(pattern: &str) -> Self {
        Self { field: Some("path-pattern".to_owned()), values: Some(vec![pattern.to_owned()]), ..Self::default() }
    }

    /// The host meets a pattern.
    pub fn host(pattern: &str) -> Self {
        Self { field: Some("host-header".to_owned()), values: Some(vec![pattern.to_owned()]), ..Self::default() }
    }
}

impl Resource for ListenerRule {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::ListenerRule";
    const HOLDS: &'static [&'static str] = &["Actions"];

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "elasticloadbalancing:CreateRule";
        let made = cx
            .client(Client::new)
            .create_rule()
            .set_listener_arn(self.listener_arn.clone())
            .set_priority(self.priority.map(elb::small).transpose()?)
            .set_conditions(sdk_conditions(&self.conditions))
            .set_actions(listener_action::to_sdk(&self.actions)?)
            .set_tags(elb::tags_for_create(&self.tags, cx))
            .send()
            .await
            .aws(action)
            .soon()?;
        let made = made.rules.unwrap_or_default();
        made.first().and_then(created).ok_or_else(|| Failure::missing(action, "RuleArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let client = cx.client(Client::new);
        let moved = canonical(&self.conditions) != canonical(&live.conditions);
        let conditions = self.conditions.clone().filter(|_| moved);
        let actions = self.actions.clone().filter(|_| !listener_action::same(&self.actions, &live.actions));
        if conditions.is_some() || actions.is_some() {
            client
                .modify_rule()
                .rule_arn(id)
                .set_conditions(sdk_conditions(&conditions))
                .set_actions(listener_action::to_sdk(&actions)?)
                .send()
                .await
                .aws("elasticloadbalancing:ModifyRule")?;
        }
        if let Some(priority) = self.priority.filter(|priority| Some(*priority) != live.priority) {
            let pair = RulePriorityPair::builder().rule_arn(id).priority(elb::small(priority)?).build();
            let call = client.set_rule_priorities().rule_priorities(pair).send();
            call.await.aws("elasticloadbalancing:SetRulePriorities")?;
        }
        elb::sync_tags(id, &self.tags, Some(&live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let arns: Vec<String> = found.iter().filter_map(|rule| rule.rule_arn.clone()).collect();
        let mut tags = elb::live_tags(&arns, cx).await?;
        Ok(ids
            .iter()
            .map(|id| {
                let rule = found.iter().find(|rule| rule.rule_arn() == Some(id))?;
                Some(live(rule, tags.remove(id)))
            })
            .collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_rule().rule_arn(id).send();
        call.await.aws("elasticloadbalancing:DeleteRule").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let action = "elasticloadbalancing:DescribeRules";
        let call = cx.client(Client::new).describe_rules().set_listener_arn(self.listener_arn.clone());
        let Some(found) = call.send().await.aws(action).absent()? else { return Ok(None) };
        let priority = self.priority.map(|priority| priority.to_string());
        let there = found.rules().iter().find(|rule| rule.priority == priority);
        let made = elb::is_made(there.and_then(Rule::rule_arn), cx).await?;
        Ok(there.filter(|_| made).and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        elb::id_of_arn(arn, "listener-rule/")
    }
}

/// Those of the rules that are there.
async fn describe(arns: &[String], cx: &Context) -> Result<Vec<Rule>, Failure> {
    let action = "elasticloadbalancing:DescribeRules";
    let client = cx.client(Client::new);
    let ask = |arns: &[String]| {
        let call = client.describe_rules().set_rule_arns(Some(arns.to_vec()));
        async { Ok(call.send().await.aws(action).absent()?.map(|answer| answer.rules.unwrap_or_default())) }
    };
    if let Some(all) = ask(arns).await? {
        return Ok(all);
    }
    // One of them is gone, and AWS answers for none: ask for each.
    let each = try_join_all(arns.iter().map(|arn| ask(std::slice::from_ref(arn)))).await?;
    Ok(each.into_iter().flatten().flatten().collect())
}

/// The listener of a rule: DescribeRules does not say it, the rule's ARN does
/// (`…:listener-rule/app/NAME/BALANCER/LISTENER/RULE`).
fn listener_of(rule_arn: &str) -> Option<String> {
    let (listener, _) = rule_arn.rsplit_once('/')?;
    Some(listener.replacen(":listener-rule/", ":listener/", 1))
}

fn created(rule: &Rule) -> Option<Created> {
    let arn = rule.rule_arn()?;
    Some(Created::new(arn).with("RuleArn", arn).with("IsDefault", rule.is_default.unwrap_or(false)))
}

fn live(rule: &Rule, tags: Option<Vec<Tag>>) -> Live<ListenerRule> {
    let properties = ListenerRule {
        listener_arn: rule.rule_arn().and_then(listener_of),
        priority: rule.priority().and_then(|priority| priority.parse().ok()),
        conditions: rule.conditions.as_ref().map(|list| list.iter().map(live_condition).collect()),
        actions: listener_action::from_sdk(rule.actions.clone()),
        tags,
    };
    let attributes = created(rule).map(|created| created.attributes).unwrap_or_default();
    Live { properties, attributes }
}

fn live_condition(condition: &RuleCondition) -> Condition {
    let values = |values: &Option<Vec<String>>| Values { values: values.clone() };
    Condition {
        field: condition.field.clone(),
        values: condition.values.clone().filter(|values| !values.is_empty()),
        path_pattern_config: condition.path_pattern_config.as_ref().map(|config| values(&config.values)),
        host_header_config: condition.host_header_config.as_ref().map(|config| values(&config.values)),
        http_header_config: condition.http_header_config.as_ref().map(|config| HttpHeaderConfig {
            http_header_name: config.http_header_name.clone(),
            values: config.values.clone(),
        }),
        http_request_method_config: condition.http_request_method_config.as_ref().map(|config| values(&config.values)),
        query_string_config: condition.query_string_config.as_ref().map(|config| QueryStringConfig {
            values: config.values.as_ref().map(|list| {
                let pair = |pair: &QueryStringKeyValuePair| QueryParameter {
                    key: pair.key.clone(),
                    value: pair.value.clone(),
                };
                list.iter().map(pair).collect()
            }),
        }),
        source_ip_config: condition.source_ip_config.as_ref().map(|config| values(&config.values)),
    }
}

fn sdk_conditions(conditions: &Option<Vec<Condition>>) -> Option<Vec<RuleCondition>> {
    conditions.as_ref().map(|list| list.iter().map(sdk_condition).collect())
}

fn sdk_condition(condition: &Condition) -> RuleCondition {
    let path = condition.path_pattern_config.as_ref();
    let host = condition.host_header_config.as_ref();
    let method = condition.http_request_method_config.as_ref();
    let source = condition.source_ip_config.as_ref();
    let header = condition.http_header_config.as_ref().map(|config| {
        HttpHeaderConditionConfig::builder()
            .set_http_header_name(config.http_header_name.clone())
            .set_values(config.values.clone())
            .build()
    });
    let query = condition.query_string_config.as_ref().map(|config| {
        let pair = |pair: &QueryParameter| {
            QueryStringKeyValuePair::builder().set_key(pair.key.clone()).set_value(pair.value.clone()).build()
        };
        let pairs = config.values.as_ref().map(|list| list.iter().map(pair).collect());
        QueryStringConditionConfig::builder().set_values(pairs).build()
    });
    RuleCondition::builder()
        .set_field(condition.field.clone())
        .set_values(condition.values.clone())
        .set_path_pattern_config(
            path.map(|config| PathPatternConditionConfig::builder().set_values(config.values.clone()).build()),
        )
        .set_host_header_config(
            host.map(|config| HostHeaderConditionConfig::builder().set_values(config.values.clone()).build()),
        )
        .set_http_request_method_config(
            method.map(|config| HttpRequestMethodConditionConfig::builder().set_values(config.values.clone()).build()),
        )
        .set_source_ip_config(
            source.map(|config| SourceIpConditionConfig::builder().set_values(config.values.clone()).build()),
        )
        .set_http_header_config(header)
        .set_query_string_config(query)
        .build()
}

/// Conditions in one way of writing and one order, to be compared.
fn canonical(conditions: &Option<Vec<Condition>>) -> Vec<Condition> {
    let mut all: Vec<Condition> = conditions
        .iter()
        .flatten()
        .map(|condition| {
            let mut condition = condition.clone();
            let config = match condition.field.as_deref() {
                Some("path-pattern") => condition.path_pattern_config.take(),
                Some("host-header") => condition.host_header_config.take(),
                Some("http-request-method") => condition.http_request_method_config.take(),
                Some("source-ip") => condition.source_ip_config.take(),
                _ => None,
            };
            condition.values = config.and_then(|config| config.values).or(condition.values);
            condition.values.iter_mut().for_each(|values| values.sort());
            condition
        })
        .collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conditions(value: serde_json::Value) -> Option<Vec<Condition>> {
        Some(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn a_rule_knows_its_listener() {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/main/50d/f2f/967";
        let listener = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/main/50d/f2f";
        assert_eq!(listener_of(arn).as_deref(), Some(listener));
    }

    #[test]
    fn conditions_come_back_from_the_sdk_as_they_went() {
        let all = conditions(json!([
            { "Field": "path-pattern", "PathPatternConfig": { "Values": ["/api/*"] } },
            { "Field": "host-header", "Values": ["api.example.com"] },
            { "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-A", "Values": ["b"] } },
            { "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": ["GET"] } },
            { "Field": "query-string", "QueryStringConfig": { "Values": [{ "Key": "v", "Value": "2" }] } },
            { "Field": "source-ip", "SourceIpConfig": { "Values": ["10.0.0.0/8"] } },
        ]));
        let back: Vec<Condition> = sdk_conditions(&all).unwrap().iter().map(live_condition).collect();
        assert_eq!(Some(back), all);
    }

    #[test]
    fn the_two_ways_to_write_a_path_are_the_same() {
        let short = conditions(json!([{ "Field": "path-pattern", "Values": ["/b", "/a"] }]));
        let reported = conditions(json!([
            { "Field": "path-pattern", "Values": ["/a", "/b"], "PathPatternConfig": { "Values": ["/a", "/b"] } }
        ]));
        assert_eq!(canonical(&short), canonical(&reported));
        assert_ne!(canonical(&short), canonical(&Some(vec![Condition::path("/a")])));
    }
}
