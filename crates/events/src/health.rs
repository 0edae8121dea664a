//! Health: subscriptions that nobody has confirmed, so that nothing reaches their receivers.

use std::collections::BTreeSet;

use aws_sdk_sns::Client;
use aws_sdk_sns::types::Subscription as SdkSubscription;
use cloud::{Absent, Address, Aws, AwsResult, Context, Failure, Resource};
use engine::health::{Check, Status};
use futures::future::join_all;
use serde_json::Value;

use crate::subscription::Subscription;

/// How a listing names the ARN of a subscription that is not confirmed.
const PENDING: &str = "PendingConfirmation";

/// Looks at the subscriptions among the resources (address, type, id, what was applied): one listing a topic.
pub async fn check(resources: &[(Address, String, String, Value)], cx: &Context) -> Vec<Check> {
    let subscriptions: Vec<(&Address, Subscription)> = resources
        .iter()
        .filter(|(_, type_name, ..)| type_name == Subscription::TYPE)
        .filter_map(|(address, _, _, applied)| {
            let properties = serde_json::from_value(applied["properties"].clone()).ok()?;
            Some((address, properties))
        })
        .collect();
    let topics: BTreeSet<&str> =
        subscriptions.iter().filter_map(|(_, subscription)| subscription.topic_arn.as_deref()).collect();
    let mut checks = Vec::new();
    let listings = join_all(topics.into_iter().map(|topic| async move { (topic, list(topic, cx).await) })).await;
    for (topic, listing) in listings {
        let of_topic = subscriptions.iter().filter(|(_, found)| found.topic_arn.as_deref() == Some(topic));
        checks.extend(of_topic.map(|(address, subscription)| match &listing {
            Ok(listed) => judge(address, subscription, listed),
            Err(failure) => check_of(address, subscription, Status::Unknown, failure.to_string(), failure.hint.clone()),
        }));
    }
    checks
}

async fn list(topic: &str, cx: &Context) -> Result<Vec<SdkSubscription>, Failure> {
    let pages = cx.client(Client::new).list_subscriptions_by_topic().topic_arn(topic).into_paginator().items().send();
    let found = pages.collect::<Result<Vec<_>, _>>().await.aws("sns:ListSubscriptionsByTopic").absent()?;
    Ok(found.unwrap_or_default())
}

fn judge(address: &Address, subscription: &Subscription, listed: &[SdkSubscription]) -> Check {
    let found =
        listed.iter().find(|found| found.protocol == subscription.protocol && found.endpoint == subscription.endpoint);
    let (status, detail, hint) = match found.map(|found| found.subscription_arn()) {
        Some(Some(PENDING)) => {
            let hint = match subscription.protocol.as_deref() {
                Some("email" | "email-json") => {
                    "follow the link in the e-mail `AWS Notification - Subscription Confirmation`"
                }
                _ => "let the receiver confirm: it was sent a SubscriptionConfirmation message",
            };
            (Status::Unknown, "it is not confirmed: nothing reaches it yet", Some(hint))
        }
        Some(_) => (Status::Healthy, "it is confirmed", None),
        None => {
            let hint = "subscribe again: cargo xtask deploy-full";
            (Status::Unhealthy, "it is gone: AWS forgets what is not confirmed for two days", Some(hint))
        }
    };
    check_of(address, subscription, status, detail.to_owned(), hint.map(str::to_owned))
}

fn check_of(
    address: &Address,
    subscription: &Subscription,
    status: Status,
    detail: String,
    hint: Option<String>,
) -> Check {
    let endpoint = subscription.endpoint.as_deref().unwrap_or_default();
    Check { name: format!("subscription of {endpoint}"), address: address.clone(), status, detail, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_confirmed_is_unknown() {
        let address = Address::of("events.subscription.alerts.ops");
        let subscription = Subscription {
            protocol: Some("email".to_owned()),
            endpoint: Some("ops@example.com".to_owned()),
            ..Subscription::default()
        };
        let listed = |arn: &str| {
            SdkSubscription::builder().protocol("email").endpoint("ops@example.com").subscription_arn(arn).build()
        };
        let cases = [
            (vec![listed("arn:aws:sns:us-east-1:123456789012:t:1")], Status::Healthy),
            (vec![listed(PENDING)], Status::Unknown),
            (vec![], Status::Unhealthy),
        ];
        for (listed, status) in cases {
            let check = judge(&address, &subscription, &listed);
            assert_eq!(check.status, status);
            assert_eq!(check.name, "subscription of ops@example.com");
            assert_eq!(check.hint.is_some(), status != Status::Healthy);
        }
    }
}
