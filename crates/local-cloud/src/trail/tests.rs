use axum::body::Body;
use axum::extract::Request;

use super::*;

async fn call(service: &str, key: &str, target: Option<&str>, body: &str) -> Call {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = Request::post("/").header("authorization", authorization).header("user-agent", "Boto3/1");
    let request = match target {
        Some(target) => request.header("x-amz-target", target),
        None => request.header("content-type", "application/x-www-form-urlencoded"),
    };
    Call::read(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

fn names(noted: &Noted) -> Vec<String> {
    noted.event.names.iter().map(|(_, name)| name.to_owned()).collect()
}

#[tokio::test]
async fn calls_that_change_something_are_noted_by_the_names_in_them() {
    let cases = [
        (
            "ec2",
            None,
            "Action=AuthorizeSecurityGroupIngress&GroupId=sg-1&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0&IpPermissions.1.Groups.1.GroupId=sg-2",
            Some(vec!["sg-1"]),
        ),
        (
            "ec2",
            None,
            "Action=CreateTags&ResourceId.1=vpc-1&ResourceId.2=vpc-2&Tag.1.Key=Name&Tag.1.Value=x",
            Some(vec!["vpc-1", "vpc-2"]),
        ),
        ("ec2", None, "Action=DescribeVpcs&VpcId.1=vpc-1", None),
        (
            "rds",
            None,
            "Action=ModifyDBInstance&DBInstanceIdentifier=db&MasterUserPassword=hush&BackupRetentionPeriod=3",
            Some(vec!["db"]),
        ),
        ("monitoring", None, "Action=DeleteAlarms&AlarmNames.member.1=a", Some(vec!["a"])),
        (
            "elasticloadbalancing",
            None,
            "Action=ModifyTargetGroup&TargetGroupArn=arn%3Atg%2Fx&HealthCheckPath=%2Fx",
            Some(vec!["arn:tg/x"]),
        ),
        (
            "ecs",
            Some("AmazonEC2ContainerServiceV20141113.UpdateService"),
            r#"{"cluster":"c","service":"s","desiredCount":3}"#,
            Some(vec!["c", "s"]),
        ),
        (
            "secretsmanager",
            Some("secretsmanager.PutSecretValue"),
            r#"{"SecretId":"s","SecretString":"hush","ClientRequestToken":"t"}"#,
            Some(vec!["s"]),
        ),
        ("ssm", Some("AmazonSSM.PutParameter"), r#"{"Name":"/p","Value":"hush","KeyId":"k"}"#, Some(vec!["/p", "k"])),
        ("sqs", Some("AmazonSQS.SendMessage"), r#"{"QueueName":"q"}"#, None),
        ("logs", Some("Logs_20140328.PutLogEvents"), r#"{"logGroupName":"g"}"#, None),
    ];
    for (service, target, body, expected) in cases {
        let noted = Noted::of(&call(service, "alice", target, body).await);
        let expected: Option<Vec<String>> = expected.map(|names| names.into_iter().map(str::to_owned).collect());
        assert_eq!(noted.as_ref().map(names), expected, "{body}");
        if let Some(noted) = noted {
            assert_eq!((&*noted.event.key, &*noted.event.agent), ("alice", "Boto3/1"));
            assert!(!noted.event.listed().to_string().contains("hush"));
        }
    }
}

#[tokio::test]
async fn an_answer_names_what_was_made() {
    let xml = "<CreateTargetGroupResponse><CreateTargetGroupResult><TargetGroups><member><TargetGroupArn>arn:tg</TargetGroupArn>\
               <Port>80</Port></member></TargetGroups></CreateTargetGroupResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\
               </CreateTargetGroupResponse>";
    let json = r#"{"service":{"serviceArn":"arn:s","serviceName":"s","deployments":[{"id":"d"}]}}"#;
    for (body, expected) in [(xml, vec!["arn:tg"]), (json, vec!["arn:s", "s"])] {
        let mut names = Names::default();
        names.of_answer(&Reply::new(StatusCode::OK, "text/xml", Bytes::from(body)));
        assert_eq!(names.iter().map(|(_, name)| name).collect::<Vec<_>>(), expected);
    }
}

async fn trail() -> Trail {
    let mut trail = Trail::default();
    for (key, body) in [
        ("alice", "Action=DeleteVpc&VpcId=vpc-1"),
        ("bob", "Action=ModifyVpcAttribute&VpcId=vpc-2"),
        ("alice", "Action=ModifyVpcAttribute&VpcId=vpc-2"),
    ] {
        trail.add(Noted::of(&call("ec2", key, None, body).await).unwrap().event);
    }
    trail
}

#[tokio::test]
async fn events_are_looked_up_newest_first_by_one_attribute() {
    let trail = trail().await;
    let by = |key: &str, value: &str, region: &str| {
        let request = json!({ "LookupAttributes": [{ "AttributeKey": key, "AttributeValue": value }] });
        let page = trail.lookup(&request, region).unwrap();
        let line =
            |event: &Value| format!("{} {}", event["Username"].as_str().unwrap(), event["EventName"].as_str().unwrap());
        page["Events"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(by("ResourceName", "vpc-2", "eu-west-1"), ["alice ModifyVpcAttribute", "bob ModifyVpcAttribute"]);
    assert_eq!(by("ResourceType", "AWS::EC2::VPC", "eu-west-1").len(), 3);
    assert_eq!(by("Username", "bob", "eu-west-1"), ["bob ModifyVpcAttribute"]);
    assert_eq!(by("EventName", "DeleteVpc", "eu-west-1"), ["alice DeleteVpc"]);
    assert_eq!(by("ReadOnly", "true", "eu-west-1").len(), 0);
    assert_eq!(by("ResourceName", "vpc-2", "us-east-1").len(), 0);
}

#[tokio::test]
async fn pages_follow_each_other_and_times_are_bounds() {
    let trail = trail().await;
    let first = trail.lookup(&json!({ "MaxResults": 2 }), "eu-west-1").unwrap();
    assert_eq!(first["Events"].as_array().unwrap().len(), 2);
    let second = trail.lookup(&json!({ "MaxResults": 2, "NextToken": first["NextToken"] }), "eu-west-1").unwrap();
    assert_eq!((&second["Events"][0]["EventName"], &second["NextToken"]), (&json!("DeleteVpc"), &Value::Null));
    let later = jiff::Timestamp::now().as_second() + 60;
    for (request, count) in [(json!({ "StartTime": later }), 0), (json!({ "EndTime": later }), 3)] {
        assert_eq!(trail.lookup(&request, "eu-west-1").unwrap()["Events"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn wrong_questions_are_refused_as_aws_does() {
    let attribute = json!({ "AttributeKey": "Username", "AttributeValue": "bob" });
    let cases = [
        (json!({ "LookupAttributes": [attribute, attribute] }), "InvalidLookupAttributesException"),
        (
            json!({ "LookupAttributes": [{ "AttributeKey": "Nose", "AttributeValue": "x" }] }),
            "InvalidLookupAttributesException",
        ),
        (json!({ "MaxResults": 51 }), "InvalidMaxResultsException"),
        (json!({ "NextToken": "x" }), "InvalidNextTokenException"),
    ];
    for (request, code) in cases {
        assert_eq!(Trail::default().lookup(&request, "r").unwrap_err().0, code, "{request}");
    }
}

#[test]
fn the_oldest_events_go_first() {
    let mut trail = Trail::default();
    for _ in 0..KEPT + 5 {
        trail.add(Event {
            number: 0,
            id: String::new(),
            name: String::new(),
            source: String::new(),
            region: "r".into(),
            time: jiff::Timestamp::UNIX_EPOCH,
            key: String::new(),
            agent: String::new(),
            names: Names::default(),
        });
    }
    assert_eq!((trail.events.len(), trail.events[0].number), (KEPT, 6));
}
