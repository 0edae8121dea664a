//! What the scheduler asks the emulator: task definitions and subnets.

use std::sync::Arc;

use serde_json::{Value, json};

use super::model::{Container, Subnet, TaskDefinition};
use crate::call::Call;
use crate::cloud::Cloud;
use crate::repairs;

/// What a task definition says, asked of the emulator.
pub(super) async fn definition(cloud: &Cloud, region: &str, name: &str) -> Arc<TaskDefinition> {
    let target = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let call = Call::json("ecs", region, target, &json!({"taskDefinition": name}));
    let answer = repairs::around(cloud, call).await.whole().await.json();
    let described = &answer["taskDefinition"];
    let containers = described["containerDefinitions"].as_array().into_iter().flatten().map(|container| Container {
        name: container["name"].as_str().unwrap_or_default().to_owned(),
        image: container["image"].as_str().unwrap_or_default().to_owned(),
        has_health_check: container["healthCheck"].is_object(),
    });
    Arc::new(TaskDefinition {
        arn: described["taskDefinitionArn"].as_str().unwrap_or(name).to_owned(),
        cpu: described["cpu"].clone(),
        memory: described["memory"].clone(),
        containers: containers.collect(),
    })
}

/// The subnets that a request names, with their zones and addresses.
pub(super) async fn subnets(cloud: &Cloud, region: &str, body: &Value) -> Vec<Subnet> {
    let ids = body["networkConfiguration"]["awsvpcConfiguration"]["subnets"].as_array();
    let ids: Vec<String> = ids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = (1..=ids.len()).map(|index| format!("SubnetId.{index}")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(ids.iter().map(String::as_str)).collect();
    let call = Call::query("ec2", region, "DescribeSubnets", "2016-11-15", &fields);
    let reply = repairs::around(cloud, call).await.whole().await;
    let mut found = Vec::new();
    if let Some(set) = reply.xml().as_ref().and_then(|root| root.child("subnetSet")) {
        for item in &set.children {
            let block = item.get("cidrBlock").unwrap_or_default();
            let prefix = block.rsplit_once('.').map(|(prefix, _)| prefix.to_owned()).unwrap_or_default();
            found.push(Subnet {
                id: item.get("subnetId").unwrap_or_default(),
                zone: item.get("availabilityZone").unwrap_or_default(),
                prefix,
            });
        }
    }
    found
}
