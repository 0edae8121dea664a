//! Each type through its whole life on the local cloud: made, read as declared, changed, found again, deleted.

use aws_sdk_ecr::Client as Ecr;
use cloud::FailureKind;
use engine::health::Status;
use lifecycle::{Except, World, tags, with};
use serde_json::{Value, json};

/// What carries our address in its tags is ours, whichever operation made it.
const TAKEN_OVER: &[Except] = &[Except::Adopted];

#[tokio::test(flavor = "multi_thread")]
async fn clusters() {
    let mut world = World::new(compute::register).await;
    let name = format!("cluster-{}", world.cloud.round);
    let cluster = json!({
        "ClusterName": name,
        "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "DefaultCapacityProviderStrategy": [{ "CapacityProvider": "FARGATE", "Weight": 1, "Base": 0 }],
        "ClusterSettings": [{ "Name": "containerInsights", "Value": "enabled" }],
        "Tags": tags("compute.cluster", &[("old", "1")]),
    });
    let made = world.make_except(TAKEN_OVER, "compute.cluster", "AWS::ECS::Cluster", &cluster).await;
    assert_eq!(made.id, name);
    let changed = with(
        cluster,
        json!({
            "ClusterSettings": [{ "Name": "containerInsights", "Value": "disabled" }],
            "DefaultCapacityProviderStrategy": [
                { "CapacityProvider": "FARGATE", "Weight": 30, "Base": 1 }, { "CapacityProvider": "FARGATE_SPOT", "Weight": 70, "Base": 0 },
            ],
            "Tags": tags("compute.cluster", &[("new", "2")]),
        }),
    );
    world.change("compute.cluster", &changed).await;
    assert!(!world.read("compute.cluster").await.unwrap().0["Tags"].to_string().contains("old"));

    let bare = json!({ "ClusterName": format!("bare-{}", world.cloud.round), "Tags": tags("compute.bare", &[]) });
    world.make_except(TAKEN_OVER, "compute.bare", "AWS::ECS::Cluster", &bare).await;
    let associations = json!({
        "Cluster": bare["ClusterName"],
        "CapacityProviders": ["FARGATE"],
        "DefaultCapacityProviderStrategy": [{ "CapacityProvider": "FARGATE", "Weight": 1 }],
    });
    // They are a property of the cluster, and there with it.
    world
        .make_except(
            &[Except::FoundBefore],
            "compute.associations",
            "AWS::ECS::ClusterCapacityProviderAssociations",
            &associations,
        )
        .await;
    let types = [("AWS::ECS::Cluster", "not-there"), ("AWS::ECS::ClusterCapacityProviderAssociations", "not-there")];
    assert!(world.refresh(&types).await <= 2);
    world.end_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories() {
    let mut world = World::new(compute::register).await;
    let name = format!("repository-{}", world.cloud.round);
    let rules = |count: u32| {
        json!({ "rules": [{
            "rulePriority": 1, "description": "keep some", "action": { "type": "expire" },
            "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count },
        }] })
        .to_string()
    };
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "pull", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:root" }, "Action": "ecr:BatchGetImage",
    }] });
    let repository = json!({
        "RepositoryName": name,
        "EncryptionConfiguration": { "EncryptionType": "AES256" },
        "ImageScanningConfiguration": { "ScanOnPush": false },
        "ImageTagMutability": "MUTABLE",
        "LifecyclePolicy": { "LifecyclePolicyText": rules(10) },
        "RepositoryPolicyText": policy,
        "Tags": tags("compute.repository.api", &[("old", "1")]),
    });
    // `EmptyOnDelete` is kept in a tag.
    let made = world
        .make_except(
            &[Except::Adopted, Except::Reported("EmptyOnDelete")],
            "compute.repository.api",
            "AWS::ECR::Repository",
            &repository,
        )
        .await;
    assert!(made.attributes["RepositoryUri"].as_str().unwrap().ends_with(&name));
    let changed = with(
        repository.clone(),
        json!({
            "ImageScanningConfiguration": { "ScanOnPush": true },
            "ImageTagMutability": "IMMUTABLE",
            "LifecyclePolicy": { "LifecyclePolicyText": rules(5) },
            "RepositoryPolicyText": null,
            "Tags": tags("compute.repository.api", &[("new", "2")]),
        }),
    );
    world.change("compute.repository.api", &changed).await;
    let (live, _) = world.read("compute.repository.api").await.unwrap();
    assert_eq!(live.get("RepositoryPolicyText"), None);
    assert!(!live["Tags"].to_string().contains("old"));
    let without = with(changed.clone(), json!({ "LifecyclePolicy": null }));
    world.change("compute.repository.api", &without).await;
    assert_eq!(world.read("compute.repository.api").await.unwrap().0.get("LifecyclePolicy"), None);

    let plain = json!({ "RepositoryName": format!("plain-{}", world.cloud.round), "Tags": tags("compute.repository.plain", &[]) });
    world.make_except(TAKEN_OVER, "compute.repository.plain", "AWS::ECR::Repository", &plain).await;
    world.refresh(&[("AWS::ECR::Repository", "not-there")]).await;

    // Images stay unless it was said before that they may go.
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": format!("sha256:{}", "a".repeat(64)) },
        "layers": [],
    });
    let put = world.cloud.connection.client("us-east-1", Ecr::new).put_image().repository_name(&name);
    put.image_manifest(manifest.to_string()).image_tag("latest").send().await.unwrap();
    let failure = world.delete_once("compute.repository.api").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid, "{failure}");
    assert!(failure.hint.unwrap().contains("empty-on-delete = true"));
    world.change("compute.repository.api", &with(without, json!({ "EmptyOnDelete": true }))).await;
    world.end_all().await;
}

/// A network to run tasks in: subnets, a security group, and a target group behind a load balancer.
struct Network {
    subnets: [String; 2],
    group: String,
    target_group: String,
}

fn network(world: &World) -> Network {
    let round = &world.cloud.round;
    let vpc = world.cloud.ec2("Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let gateway = world.cloud.ec2("Action=CreateInternetGateway", "internetGatewayId");
    world.cloud.ec2(&format!("Action=AttachInternetGateway&VpcId={vpc}&InternetGatewayId={gateway}"), "requestId");
    let subnet = |zone: &str, cidr: &str| {
        let call = format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock={cidr}&AvailabilityZone=us-east-1{zone}");
        world.cloud.ec2(&call, "subnetId")
    };
    let subnets = [subnet("a", "10.0.1.0/24"), subnet("b", "10.0.2.0/24")];
    let group = format!("Action=CreateSecurityGroup&VpcId={vpc}&GroupName=g-{round}&GroupDescription=test");
    let group = world.cloud.ec2(&group, "groupId");
    let short = &round[round.len() - 12..];
    let target = format!("Action=CreateTargetGroup&Name=t-{short}&Protocol=HTTP&Port=3000&VpcId={vpc}&TargetType=ip");
    let elb = |call: &str, element: &str| {
        world.cloud.query("elasticloadbalancing", &format!("{call}&Version=2015-12-01"), element)
    };
    let target_group = elb(&target, "TargetGroupArn");
    let [a, b] = &subnets;
    let balancer = format!(
        "Action=CreateLoadBalancer&Name=b-{short}&Subnets.member.1={a}&Subnets.member.2={b}&SecurityGroups.member.1={group}"
    );
    let balancer = elb(&balancer, "LoadBalancerArn");
    let listener = format!(
        "Action=CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&DefaultActions.member.1.Type=forward\
         &DefaultActions.member.1.TargetGroupArn={target_group}"
    );
    elb(&listener, "ListenerArn");
    Network { subnets, group, target_group }
}

fn task_definition(world: &World, address: &str, image: &str) -> Value {
    json!({
        "Family": format!("{}-{}", address.rsplit('.').next().unwrap(), world.cloud.round),
        "Cpu": "512",
        "Memory": "1024",
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "RuntimePlatform": { "CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX" },
        "EphemeralStorage": { "SizeInGiB": 30 },
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "TaskRoleArn": "arn:aws:iam::123456789012:role/task",
        "Volumes": [{ "Name": "scratch" }],
        "ContainerDefinitions": [
            {
                "Name": "api",
                "Image": image,
                "Essential": true,
                "Command": ["serve"],
                "EntryPoint": ["/bin/api"],
                "DependsOn": [{ "ContainerName": "proxy", "Condition": "START" }],
                "Environment": [{ "Name": "NODE_ENV", "Value": "production" }, { "Name": "A", "Value": "1" }],
                "Secrets": [{ "Name": "DATABASE_URL", "ValueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db:url::" }],
                "HealthCheck": { "Command": ["CMD-SHELL", "true"], "Interval": 30, "Timeout": 5, "Retries": 3 },
                "LinuxParameters": { "InitProcessEnabled": true },
                "LogConfiguration": { "LogDriver": "awslogs", "Options": {
                    "awslogs-group": "/ecs/test/api", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "api",
                } },
                "MountPoints": [{ "SourceVolume": "scratch", "ContainerPath": "/scratch", "ReadOnly": false }],
                "PortMappings": [{ "ContainerPort": 3000, "Protocol": "tcp" }],
                "ReadonlyRootFilesystem": true,
                "StopTimeout": 60,
                "Ulimits": [{ "Name": "nofile", "SoftLimit": 65536, "HardLimit": 65536 }],
                "User": "1000",
            },
            { "Name": "proxy", "Image": "nginx:1.27" },
        ],
        "Tags": tags(address, &[("team", "core")]),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn task_definitions() {
    let mut world = World::new(compute::register).await;
    let address = "compute.task-definition.api";
    let definition = task_definition(&world, address, "nginx:1.27");
    let made = world.make_except(TAKEN_OVER, address, "AWS::ECS::TaskDefinition", &definition).await;
    assert!(made.id.ends_with(":1"), "{}", made.id);
    let second = "compute.task-definition.api-2";
    let next = with(definition.clone(), json!({ "Cpu": "1024", "Memory": "2048", "Tags": tags(second, &[]) }));
    let next_made = world.make_except(TAKEN_OVER, second, "AWS::ECS::TaskDefinition", &next).await;
    assert!(next_made.id.ends_with(":2"), "{}", next_made.id);
    world.change(address, &with(definition, json!({ "Tags": tags(address, &[("team", "other")]) }))).await;
    let absent = made.id.replace(":1", ":9");
    assert!(world.refresh(&[("AWS::ECS::TaskDefinition", &absent)]).await <= 3);
    // Of many revisions of a family only the active ones are described.
    let (family, _) = made.id.rsplit_once(':').unwrap();
    let revisions: Vec<String> = (1..=20).map(|revision| format!("{family}:{revision}")).collect();
    let before = world.cloud.calls();
    let read = world.handler("AWS::ECS::TaskDefinition").read(&revisions, &world.cloud.context(address)).await.unwrap();
    assert_eq!(world.cloud.calls() - before, 3, "one listing, two descriptions");
    let there: Vec<bool> = read.iter().map(Option::is_some).collect();
    assert_eq!(there, (1..=20).map(|revision| revision <= 2).collect::<Vec<_>>());
    world.end_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services() {
    let mut world = World::new(compute::register).await;
    let network = network(&world);
    let cluster = format!("services-{}", world.cloud.round);
    let declared = json!({
        "ClusterName": cluster, "CapacityProviders": ["FARGATE", "FARGATE_SPOT"], "Tags": tags("compute.cluster", &[]),
    });
    world.make_except(TAKEN_OVER, "compute.cluster", "AWS::ECS::Cluster", &declared).await;
    let one = task_definition(&world, "compute.task-definition.api", "nginx:1");
    let one = world.make_except(TAKEN_OVER, "compute.task-definition.api", "AWS::ECS::TaskDefinition", &one).await.id;
    let two = task_definition(&world, "compute.task-definition.next", "nginx:2");
    let two = world.make_except(TAKEN_OVER, "compute.task-definition.next", "AWS::ECS::TaskDefinition", &two).await.id;
    let broken = task_definition(&world, "compute.task-definition.bad", "registry/broken:1");
    let broken =
        world.make_except(TAKEN_OVER, "compute.task-definition.bad", "AWS::ECS::TaskDefinition", &broken).await.id;

    let api = json!({
        "ServiceName": format!("api-{}", world.cloud.round),
        "Cluster": cluster,
        "TaskDefinition": one,
        "DesiredCount": 2,
        "CapacityProviderStrategy": [{ "CapacityProvider": "FARGATE", "Weight": 1, "Base": 0 }],
        "PlatformVersion": "LATEST",
        "DeploymentConfiguration": {
            "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
            "MinimumHealthyPercent": 100,
            "MaximumPercent": 200,
        },
        "NetworkConfiguration": { "AwsvpcConfiguration": {
            "Subnets": network.subnets, "SecurityGroups": [network.group], "AssignPublicIp": "DISABLED",
        } },
        "LoadBalancers": [{ "ContainerName": "api", "ContainerPort": 3000, "TargetGroupArn": network.target_group }],
        "HealthCheckGracePeriodSeconds": 60,
        "EnableECSManagedTags": true,
        "EnableExecuteCommand": false,
        "PropagateTags": "SERVICE",
        "Tags": tags("compute.service.api", &[("old", "1")]),
    });
    let made = world.make_except(TAKEN_OVER, "compute.service.api", "AWS::ECS::Service", &api).await;
    assert_eq!(made.attributes["Name"], api["ServiceName"]);
    let worker = json!({
        "ServiceName": format!("worker-{}", world.cloud.round),
        "Cluster": cluster,
        "TaskDefinition": one,
        "DesiredCount": 1,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": { "AwsvpcConfiguration": { "Subnets": network.subnets, "SecurityGroups": [network.group] } },
        "Tags": tags("compute.service.worker", &[]),
    });
    world.make_except(TAKEN_OVER, "compute.service.worker", "AWS::ECS::Service", &worker).await;
    let absent = made.id.replace("/api-", "/none-");
    assert_eq!(world.refresh(&[("AWS::ECS::Service", &absent)]).await, 1);

    let changed = with(
        api.clone(),
        json!({
            "TaskDefinition": two,
            "DesiredCount": 3,
            "CapacityProviderStrategy": [
                { "CapacityProvider": "FARGATE", "Weight": 30, "Base": 0 }, { "CapacityProvider": "FARGATE_SPOT", "Weight": 70, "Base": 0 },
            ],
            "EnableExecuteCommand": true,
            "HealthCheckGracePeriodSeconds": 30,
            "Tags": tags("compute.service.api", &[("new", "2")]),
        }),
    );
    world.change("compute.service.api", &changed).await;
    assert!(!world.read("compute.service.api").await.unwrap().0["Tags"].to_string().contains("old"));

    let cx = world.cloud.context("compute.service.api");
    let checks = compute::health::check(&world.resources(), &cx).await;
    assert_eq!(checks.len(), 2);
    for check in &checks {
        assert_eq!(check.status, Status::Healthy, "{check:?}");
    }

    // A release that does not come up: ECS brings the one before back, and that is no success.
    world.try_change("compute.service.api", &with(changed.clone(), json!({ "TaskDefinition": broken }))).await.unwrap();
    let why = world.settle("compute.service.api").await.unwrap_err();
    assert!(why.contains("rolled back to") && why.contains("container `api` exited with code 1"), "{why}");
    let checks = compute::health::check(&world.resources(), &cx).await;
    assert_eq!(checks.iter().filter(|check| check.status == Status::Unhealthy).count(), 1, "{checks:?}");
    // And the next one that does is.
    world.change("compute.service.api", &with(changed.clone(), json!({ "TaskDefinition": one }))).await;

    // Without a way back the failure says why, too.
    let bad = with(
        worker,
        json!({
            "ServiceName": format!("bad-{}", world.cloud.round),
            "TaskDefinition": broken,
            "DeploymentConfiguration": { "DeploymentCircuitBreaker": { "Enable": true, "Rollback": false } },
            "Tags": tags("compute.service.bad", &[]),
        }),
    );
    world.make_unready(&[], "compute.service.bad", "AWS::ECS::Service", &bad).await;
    let why = world.settle("compute.service.bad").await.unwrap_err();
    assert!(why.contains("failed") && why.contains("container `api` exited with code"), "{why}");

    scaling(&mut world, &format!("service/{cluster}/{}", api["ServiceName"].as_str().unwrap())).await;
    let failure = world.delete_once("compute.cluster").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InUse, "{failure}");
    world.end_all().await;
}

async fn scaling(world: &mut World, resource: &str) {
    let target = json!({
        "ResourceId": resource,
        "ScalableDimension": "ecs:service:DesiredCount",
        "ServiceNamespace": "ecs",
        "MinCapacity": 2,
        "MaxCapacity": 10,
        "ScheduledActions": [{
            "ScheduledActionName": "nights", "Schedule": "cron(0 20 ? * MON-FRI *)", "Timezone": "America/New_York",
            "ScalableTargetAction": { "MinCapacity": 0, "MaxCapacity": 0 },
        }],
        "Tags": tags("compute.scalable-target.api", &[("old", "1")]),
    });
    // RegisterScalableTarget makes and changes.
    let made = world
        .make_except(
            &[Except::Adopted, Except::MadeOver],
            "compute.scalable-target.api",
            "AWS::ApplicationAutoScaling::ScalableTarget",
            &target,
        )
        .await;
    assert_eq!(made.id, format!("{resource}|ecs:service:DesiredCount|ecs"));
    let changed = with(
        target,
        json!({
            "MaxCapacity": 20, "ScheduledActions": null, "Tags": tags("compute.scalable-target.api", &[("new", "2")]),
        }),
    );
    world.change("compute.scalable-target.api", &changed).await;
    let (live, _) = world.read("compute.scalable-target.api").await.unwrap();
    assert_eq!(live.get("ScheduledActions"), None);
    assert!(!live["Tags"].to_string().contains("old"));

    let policy = |name: &str, value: f64| {
        json!({
            "PolicyName": name,
            "PolicyType": "TargetTrackingScaling",
            "ResourceId": resource,
            "ScalableDimension": "ecs:service:DesiredCount",
            "ServiceNamespace": "ecs",
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": { "PredefinedMetricType": "ECSServiceAverageCPUUtilization" },
                "ScaleInCooldown": 300, "ScaleOutCooldown": 60, "TargetValue": value,
            },
        })
    };
    let kind = "AWS::ApplicationAutoScaling::ScalingPolicy";
    let cpu = world.make_except(TAKEN_OVER, "compute.scaling-policy.api.cpu", kind, &policy("cpu", 70.0)).await;
    world.change("compute.scaling-policy.api.cpu", &policy("cpu", 75.0)).await;
    let by_target = with(
        policy("memory", 75.0),
        json!({
            "ResourceId": null, "ScalableDimension": null, "ServiceNamespace": null, "ScalingTargetId": made.id,
        }),
    );
    world.make_except(TAKEN_OVER, "compute.scaling-policy.api.memory", kind, &by_target).await;
    let step = with(
        policy("step", 0.0),
        json!({
            "PolicyType": "StepScaling",
            "TargetTrackingScalingPolicyConfiguration": null,
            "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity", "Cooldown": 60, "MetricAggregationType": "Average",
                "StepAdjustments": [{ "MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2 }],
            },
        }),
    );
    world.make_except(TAKEN_OVER, "compute.scaling-policy.api.step", kind, &step).await;
    assert_eq!(world.refresh(&[(kind, &cpu.id.replace("policyName/cpu", "policyName/none"))]).await, 1);
}
