use serde_json::json;

use super::*;

const ID: &str = "service/arrakis-production-cluster/arrakis-production-api|ecs:service:DesiredCount|ecs";

#[test]
fn a_target_is_read_as_it_was_declared() {
    let declared = json!({
        "MaxCapacity": 10,
        "MinCapacity": 2,
        "ResourceId": "service/arrakis-production-cluster/arrakis-production-api",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ScheduledActions": [{
            "EndTime": "2027-01-31T18:00:00Z",
            "ScalableTargetAction": { "MaxCapacity": 0, "MinCapacity": 0 },
            "Schedule": "cron(0 20 ? * MON-FRI *)",
            "ScheduledActionName": "nights",
            "Timezone": "America/New_York",
        }],
        "ServiceNamespace": "ecs",
        "Tags": [{ "Key": "a", "Value": "1" }],
    });
    let typed: ScalableTarget = serde_json::from_value(declared.clone()).unwrap();
    assert_eq!(typed.id().as_deref(), Some(ID));
    let target = SdkTarget::builder()
        .resource_id("service/arrakis-production-cluster/arrakis-production-api")
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .service_namespace(ServiceNamespace::Ecs)
        .min_capacity(2)
        .max_capacity(10)
        .role_arn("arn:role")
        .creation_time(DateTime::from_secs(0))
        .build()
        .unwrap();
    let action = |resource: &str| {
        SdkScheduled::builder()
            .resource_id(resource)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .service_namespace(ServiceNamespace::Ecs)
            .scheduled_action_name("nights")
            .scheduled_action_arn("arn:action")
            .schedule("cron(0 20 ? * MON-FRI *)")
            .timezone("America/New_York")
            .end_time(moment("2027-01-31T18:00:00Z").unwrap())
            .scalable_target_action(SdkAction::builder().min_capacity(0).max_capacity(0).build())
            .creation_time(DateTime::from_secs(0))
            .build()
            .unwrap()
    };
    let live =
        live(&target, &[action(&target.resource_id), action("service/other/other")], vec![("a".into(), "1".into())]);
    let read = engine::intrinsic::lower(serde_json::to_value(&live.properties).unwrap());
    assert_eq!(read, declared);
    assert_eq!(live.attributes["Id"], ID);
    assert_eq!(schema::validate(ScalableTarget::TYPE, &read), []);
}

#[test]
fn an_id_has_three_parts() {
    assert_eq!(
        parts(ID),
        ("service/arrakis-production-cluster/arrakis-production-api", "ecs:service:DesiredCount", "ecs")
    );
}

#[test]
fn times_are_checked_and_fresh_services_waited_for() {
    assert!(moment("tomorrow").unwrap_err().message.contains("2027-01-31T18:00:00Z"));
    let failure = Failure::invalid("ECS service doesn't exist: service/a/b");
    assert_eq!(not_visible_yet(failure).kind, FailureKind::NotYet);
}
