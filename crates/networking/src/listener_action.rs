//! What a listener or one of its rules does with a request. Shared by both, as in CloudFormation.

use aws_sdk_elasticloadbalancingv2::types::{
    Action as SdkAction, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig, RedirectActionConfig,
    RedirectActionStatusCodeEnum, TargetGroupStickinessConfig, TargetGroupTuple,
};
use cloud::Failure;
use serde::{Deserialize, Serialize};

use crate::elb;

/// One action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Action {
    /// `forward`, `redirect` or `fixed-response`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
    /// The place among several actions, the lowest first.
    pub order: Option<i64>,
    /// Where `forward` sends to, if it is one target group.
    pub target_group_arn: Option<String>,
    /// Where `forward` sends to, by weights.
    pub forward_config: Option<ForwardConfig>,
    /// Where `redirect` sends the client.
    pub redirect_config: Option<RedirectConfig>,
    /// What `fixed-response` answers.
    pub fixed_response_config: Option<FixedResponseConfig>,
}

/// Several target groups by weight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ForwardConfig {
    /// The target groups.
    pub target_groups: Option<Vec<WeightedTargetGroup>>,
    /// Whether a client stays with its target group.
    pub target_group_stickiness_config: Option<StickinessConfig>,
}

/// A target group and its share.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct WeightedTargetGroup {
    /// The target group.
    pub target_group_arn: Option<String>,
    /// Its weight, 0 to 999.
    pub weight: Option<i64>,
}

/// Whether a client stays with its target group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct StickinessConfig {
    /// Whether it does.
    pub enabled: Option<bool>,
    /// For how long, 1 second to 7 days.
    pub duration_seconds: Option<i64>,
}

/// Where a client is sent. `#{host}` and the like stand for what the client asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct RedirectConfig {
    /// `HTTP`, `HTTPS` or `#{protocol}` (the default).
    pub protocol: Option<String>,
    /// The port, or `#{port}` (the default).
    pub port: Option<String>,
    /// The host, or `#{host}` (the default).
    pub host: Option<String>,
    /// The path; default `/#{path}`.
    pub path: Option<String>,
    /// The query; default `#{query}`.
    pub query: Option<String>,
    /// `HTTP_301` or `HTTP_302`.
    pub status_code: Option<String>,
}

/// A fixed answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct FixedResponseConfig {
    /// The HTTP status: 2xx, 4xx or 5xx.
    pub status_code: Option<String>,
    /// `text/plain`, `text/css`, `text/html`, `application/javascript` or `application/json`.
    pub content_type: Option<String>,
    /// The body.
    pub message_body: Option<String>,
}

impl Action {
    /// Forwards to one target group.
    pub fn forward(target_group_arn: impl Into<String>) -> Self {
        let target_group_arn = Some(target_group_arn.into());
        Self { kind: Some("forward".to_owned()), target_group_arn, ..Self::default() }
    }

    /// Sends the client to the same place by HTTPS, for good.
    pub fn redirect_to_https() -> Self {
        let redirect_config = Some(RedirectConfig {
            protocol: Some("HTTPS".to_owned()),
            port: Some("443".to_owned()),
            status_code: Some("HTTP_301".to_owned()),
            ..RedirectConfig::default()
        });
        Self { kind: Some("redirect".to_owned()), redirect_config, ..Self::default() }
    }

    /// Answers with a status and a text.
    pub fn fixed(status: u16, text: &str) -> Self {
        let fixed_response_config = Some(FixedResponseConfig {
            status_code: Some(status.to_string()),
            content_type: Some("text/plain".to_owned()),
            message_body: Some(text.to_owned()),
        });
        Self { kind: Some("fixed-response".to_owned()), fixed_response_config, ..Self::default() }
    }
}

/// As the SDK takes them.
pub(crate) fn to_sdk(actions: &Option<Vec<Action>>) -> Result<Option<Vec<SdkAction>>, Failure> {
    actions.as_ref().map(|list| list.iter().map(sdk_action).collect()).transpose()
}

fn sdk_action(action: &Action) -> Result<SdkAction, Failure> {
    let redirect = action.redirect_config.as_ref().map(|to| {
        RedirectActionConfig::builder()
            .set_protocol(to.protocol.clone())
            .set_port(to.port.clone())
            .set_host(to.host.clone())
            .set_path(to.path.clone())
            .set_query(to.query.clone())
            .set_status_code(to.status_code.as_deref().map(RedirectActionStatusCodeEnum::from))
            .build()
    });
    let fixed = action.fixed_response_config.as_ref().map(|answer| {
        FixedResponseActionConfig::builder()
            .set_status_code(answer.status_code.clone())
            .set_content_type(answer.content_type.clone())
            .set_message_body(answer.message_body.clone())
            .build()
    });
    Ok(SdkAction::builder()
        .set_type(action.kind.as_deref().map(ActionTypeEnum::from))
        .set_order(action.order.map(elb::small).transpose()?)
        .set_target_group_arn(action.target_group_arn.clone())
        .set_forward_config(action.forward_config.as_ref().map(sdk_forward).transpose()?)
        .set_redirect_config(redirect)
        .set_fixed_response_config(fixed)
        .build())
}

fn sdk_forward(forward: &ForwardConfig) -> Result<ForwardActionConfig, Failure> {
    let group = |group: &WeightedTargetGroup| {
        Ok(TargetGroupTuple::builder()
            .set_target_group_arn(group.target_group_arn.clone())
            .set_weight(group.weight.map(elb::small).transpose()?)
            .build())
    };
    let groups = forward.target_groups.as_ref().map(|list| list.iter().map(group).collect::<Result<_, Failure>>());
    let sticky = forward.target_group_stickiness_config.as_ref().map(|sticky| {
        let duration = sticky.duration_seconds.map(elb::small).transpose()?;
        let builder = TargetGroupStickinessConfig::builder().set_enabled(sticky.enabled);
        Ok::<_, Failure>(builder.set_duration_seconds(duration).build())
    });
    Ok(ForwardActionConfig::builder()
        .set_target_groups(groups.transpose()?)
        .set_target_group_stickiness_config(sticky.transpose()?)
        .build())
}

/// As AWS reports them, both `TargetGroupArn` and `ForwardConfig` where it reports both.
pub(crate) fn from_sdk(actions: Option<Vec<SdkAction>>) -> Option<Vec<Action>> {
    actions.map(|list| list.into_iter().map(live_action).collect())
}

fn live_action(action: SdkAction) -> Action {
    let forward = action.forward_config.map(|forward| ForwardConfig {
        target_groups: forward.target_groups.map(|list| {
            let weighted = |group: TargetGroupTuple| WeightedTargetGroup {
                target_group_arn: group.target_group_arn,
                weight: group.weight.map(i64::from),
            };
            list.into_iter().map(weighted).collect()
        }),
        target_group_stickiness_config: forward.target_group_stickiness_config.map(|sticky| StickinessConfig {
            enabled: sticky.enabled,
            duration_seconds: sticky.duration_seconds.map(i64::from),
        }),
    });
    Action {
        kind: action.r#type.map(|kind| kind.to_string()),
        order: action.order.map(i64::from),
        target_group_arn: action.target_group_arn,
        forward_config: forward,
        redirect_config: action.redirect_config.map(|to| RedirectConfig {
            protocol: to.protocol,
            port: to.port,
            host: to.host,
            path: to.path,
            query: to.query,
            status_code: to.status_code.map(|code| code.to_string()),
        }),
        fixed_response_config: action.fixed_response_config.map(|answer| FixedResponseConfig {
            status_code: answer.status_code,
            content_type: answer.content_type,
            message_body: answer.message_body,
        }),
    }
}

/// Whether two lists of actions do the same, whichever way they are written.
pub(crate) fn same(one: &Option<Vec<Action>>, other: &Option<Vec<Action>>) -> bool {
    canonical(one) == canonical(other)
}

fn canonical(actions: &Option<Vec<Action>>) -> Vec<Action> {
    let actions = actions.as_deref().unwrap_or_default();
    let one_by_one = actions.iter().map(|action| {
        let mut action = action.clone();
        if actions.len() == 1 {
            action.order = None;
        }
        let only = action.target_group_arn.take();
        if action.kind.as_deref() == Some("forward") {
            action.forward_config = Some(canonical_forward(action.forward_config.take().unwrap_or_default(), only));
        }
        if let Some(to) = &mut action.redirect_config {
            to.protocol.get_or_insert_with(|| "#{protocol}".to_owned());
            to.port.get_or_insert_with(|| "#{port}".to_owned());
            to.host.get_or_insert_with(|| "#{host}".to_owned());
            to.path.get_or_insert_with(|| "/#{path}".to_owned());
            to.query.get_or_insert_with(|| "#{query}".to_owned());
        }
        action
    });
    one_by_one.collect()
}

fn canonical_forward(mut forward: ForwardConfig, only: Option<String>) -> ForwardConfig {
    let mut groups = forward.target_groups.take().unwrap_or_default();
    if groups.is_empty() {
        groups.extend(only.map(|arn| WeightedTargetGroup { target_group_arn: Some(arn), weight: None }));
    }
    if let [group] = groups.as_mut_slice() {
        group.weight = None;
    }
    groups.sort();
    let sticky = forward.target_group_stickiness_config.take().filter(|sticky| sticky.enabled == Some(true));
    ForwardConfig { target_groups: Some(groups), target_group_stickiness_config: sticky }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn actions(value: serde_json::Value) -> Option<Vec<Action>> {
        Some(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn the_two_ways_to_forward_are_the_same() {
        let short = actions(json!([{ "Type": "forward", "TargetGroupArn": "a" }]));
        let reported = actions(json!([{
            "Type": "forward",
            "Order": 1,
            "TargetGroupArn": "a",
            "ForwardConfig": {
                "TargetGroups": [{ "TargetGroupArn": "a", "Weight": 1 }],
                "TargetGroupStickinessConfig": { "Enabled": false }
            }
        }]));
        assert!(same(&short, &reported));
        let weighted = actions(json!([{
            "Type": "forward",
            "ForwardConfig": { "TargetGroups": [
                { "TargetGroupArn": "a", "Weight": 90 }, { "TargetGroupArn": "b", "Weight": 10 }
            ] }
        }]));
        assert!(!same(&short, &weighted));
    }

    #[test]
    fn a_redirect_is_the_same_with_its_defaults_written_out() {
        let reported = actions(json!([{ "Type": "redirect", "RedirectConfig": {
            "Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}",
            "StatusCode": "HTTP_301"
        } }]));
        assert!(same(&Some(vec![Action::redirect_to_https()]), &reported));
        let temporary = actions(json!([{ "Type": "redirect", "RedirectConfig": {
            "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_302"
        } }]));
        assert!(!same(&temporary, &reported));
    }

    #[test]
    fn actions_come_back_from_the_sdk_as_they_went() {
        let all = Some(vec![
            Action::forward("a"),
            Action::redirect_to_https(),
            Action::fixed(404, "nothing here"),
            Action {
                kind: Some("forward".into()),
                forward_config: Some(ForwardConfig {
                    target_groups: Some(vec![WeightedTargetGroup {
                        target_group_arn: Some("b".into()),
                        weight: Some(5),
                    }]),
                    target_group_stickiness_config: Some(StickinessConfig {
                        enabled: Some(true),
                        duration_seconds: Some(60),
                    }),
                }),
                ..Action::default()
            },
        ]);
        assert_eq!(from_sdk(to_sdk(&all).unwrap()), all);
        let huge = Some(vec![Action { order: Some(i64::MAX), ..Action::default() }]);
        assert!(to_sdk(&huge).is_err());
    }
}
