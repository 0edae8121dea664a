//! ECS services run their tasks, and fail as they would on AWS.

mod common;

use common::{Cloud, Network, eventually, first};
use serde_json::{Value, json};

fn register(cloud: &Cloud, image: &str) -> String {
    let definition = json!({
        "family": "api", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "api", "image": image, "essential": true, "portMappings": [{"containerPort": 3000}],
            "healthCheck": {"command": ["CMD-SHELL", "true"]}}],
    });
    cloud.ecs("RegisterTaskDefinition", &definition)["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
}

fn create(cloud: &Cloud, network: &Network, group: &str, definition: &str) -> Value {
    cloud.ecs("CreateCluster", &json!({"clusterName": "main"}));
    let mut service = json!({
        "cluster": "main", "serviceName": "api", "taskDefinition": definition, "desiredCount": 2, "clientToken": "t",
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": network.subnets, "securityGroups": [network.group]}},
        "loadBalancers": [{"targetGroupArn": group, "containerName": "api", "containerPort": 3000}],
    });
    let made = cloud.ecs("CreateService", &service)["service"].clone();
    assert_eq!(
        cloud.ecs("CreateService", &service)["service"]["serviceArn"],
        made["serviceArn"],
        "same token, same service"
    );
    service["clientToken"] = json!("other");
    let (status, _) = cloud.json("ecs", "AmazonEC2ContainerServiceV20141113.CreateService", &service);
    assert_eq!(status, 400);
    made
}

fn target_group(cloud: &Cloud, network: &Network) -> String {
    let fields =
        [("Name", "api"), ("Protocol", "HTTP"), ("Port", "3000"), ("VpcId", &*network.vpc), ("TargetType", "ip")];
    first(&cloud.ok("elasticloadbalancing", "CreateTargetGroup", &fields), "TargetGroupArn").unwrap()
}

fn service(cloud: &Cloud) -> Value {
    cloud.ecs("DescribeServices", &json!({"cluster": "main", "services": ["api"]}))["services"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_service_is_steady_and_its_targets_healthy() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let group = target_group(&cloud, &network);
    let definition = register(&cloud, "api:1");
    let made = create(&cloud, &network, &group, &definition);
    assert_eq!(made["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE_SPOT");
    assert_eq!(made["deploymentConfiguration"]["maximumPercent"], 200, "what was not said has AWS's default");
    let described = service(&cloud);
    assert_eq!((&described["runningCount"], &described["pendingCount"]), (&json!(2), &json!(0)));
    assert_eq!(described["deployments"][0]["rolloutState"], "COMPLETED");
    assert!(described["events"][0]["message"].as_str().unwrap().contains("steady state"));

    let tasks = cloud.ecs("ListTasks", &json!({"cluster": "main", "serviceName": "api"}))["taskArns"].clone();
    assert_eq!(tasks.as_array().unwrap().len(), 2);
    let answer = cloud.ecs("DescribeTasks", &json!({"cluster": "main", "tasks": tasks}));
    for task in answer["tasks"].as_array().unwrap() {
        assert_eq!((&task["lastStatus"], &task["healthStatus"]), (&json!("RUNNING"), &json!("HEALTHY")));
    }
    let health = cloud.ok("elasticloadbalancing", "DescribeTargetHealth", &[("TargetGroupArn", &group)]);
    assert_eq!(health.matches("<State>healthy</State>").count(), 2, "{health}");
    let cluster = cloud.ecs("DescribeClusters", &json!({"clusters": ["main"]}))["clusters"][0].clone();
    assert_eq!((&cluster["activeServicesCount"], &cluster["runningTasksCount"]), (&json!(1), &json!(2)));

    let settings = json!({"cluster": "main", "settings": [{"name": "containerInsights", "value": "enabled"}]});
    assert_eq!(cloud.ecs("UpdateClusterSettings", &settings)["cluster"]["settings"], settings["settings"]);
    let target = json!({"ServiceNamespace": "ecs", "ResourceId": "service/main/api", "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 1, "MaxCapacity": 4, "Tags": {"env": "prod"}});
    let (_, registered) =
        cloud.json("application-autoscaling", "AnyScaleFrontendService.RegisterScalableTarget", &target);
    let arn = json!({"ResourceARN": registered["ScalableTargetARN"]});
    let (_, tags) = cloud.json("application-autoscaling", "AnyScaleFrontendService.ListTagsForResource", &arn);
    assert_eq!(tags["Tags"], json!({"env": "prod"}));

    cloud.ecs("UpdateService", &json!({"cluster": "main", "service": "api", "desiredCount": 5}));
    assert_eq!(service(&cloud)["runningCount"], 5);
    cloud.ecs("UpdateService", &json!({"cluster": "main", "service": "api", "desiredCount": 0}));
    cloud.ecs("DeleteService", &json!({"cluster": "main", "service": "api"}));
    assert_eq!(service(&cloud)["status"], "INACTIVE");
    let health = cloud.ok("elasticloadbalancing", "DescribeTargetHealth", &[("TargetGroupArn", &group)]);
    assert_eq!(health.matches("<State>").count(), 0, "{health}");
    assert_eq!(create(&cloud, &network, &group, &definition)["status"], "ACTIVE", "the name is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_image_is_rolled_back() {
    let cloud = Cloud::start(0.02).await;
    let network = cloud.network();
    let group = target_group(&cloud, &network);
    let good = register(&cloud, "api:1");
    let made = create(&cloud, &network, &group, &good);
    assert_eq!(made["deployments"][0]["rolloutState"], "IN_PROGRESS");
    eventually(json!("COMPLETED"), || service(&cloud)["deployments"][0]["rolloutState"].clone());

    let broken = register(&cloud, "api-broken:2");
    cloud.ecs("UpdateService", &json!({"cluster": "main", "service": "api", "taskDefinition": broken}));
    let described = service(&cloud);
    assert_eq!(described["taskDefinition"], json!(broken));
    assert_eq!((described["deployments"].as_array().unwrap().len(), &described["runningCount"]), (2, &json!(2)));
    eventually(true, || {
        service(&cloud)["deployments"]
            .as_array()
            .unwrap()
            .iter()
            .any(|deployment| deployment["rolloutState"] == "FAILED")
    });
    let stopped = cloud.ecs("ListTasks", &json!({"cluster": "main", "serviceName": "api", "desiredStatus": "STOPPED"}));
    let task =
        cloud.ecs("DescribeTasks", &json!({"cluster": "main", "tasks": [stopped["taskArns"][0]]}))["tasks"][0].clone();
    assert_eq!((&task["lastStatus"], &task["containers"][0]["exitCode"]), (&json!("STOPPED"), &json!(1)));
    assert_eq!(task["stoppedReason"], "Essential container in task exited");
    eventually(json!(["COMPLETED"]), || {
        let deployments = service(&cloud)["deployments"].clone();
        deployments.as_array().unwrap().iter().map(|deployment| deployment["rolloutState"].clone()).collect()
    });
    let described = service(&cloud);
    assert_eq!((&described["taskDefinition"], &described["runningCount"]), (&json!(good), &json!(2)));
    assert!(
        described["deployments"][0]["rolloutStateReason"].as_str().unwrap().contains("rolling back to deploymentId")
    );
}
