//! What the dashboard shows, and where.

use super::*;

/// The dashboard's body with its references replaced by words.
fn board(nodes: &BTreeMap<String, Node>) -> Value {
    let body = engine::intrinsic::readable(&nodes["monitoring.dashboard"].properties["DashboardBody"]);
    assert_eq!(crate::dashboard::normal(&body), body);
    serde_json::from_str(&body).unwrap()
}

#[test]
fn the_dashboard_fills_its_grid_without_overlap() {
    let (nodes, ..) = declared(everything(), |_| {});
    let board = board(&nodes);
    let mut taken = std::collections::BTreeSet::new();
    let number = |widget: &Value, key: &str| widget[key].as_u64().unwrap();
    for widget in board["widgets"].as_array().unwrap() {
        let (x, y) = (number(widget, "x"), number(widget, "y"));
        for column in x..x + number(widget, "width") {
            for line in y..y + number(widget, "height") {
                assert!(column < 24, "{widget}");
                assert!(taken.insert((column, line)), "{widget} lies on another");
            }
        }
    }
    let lines = taken.iter().map(|(_, line)| line + 1).max().unwrap();
    assert_eq!(taken.len() as u64, lines * 24, "the grid has holes");
}

#[test]
fn the_dashboard_shows_every_layer_and_where_alarms_go_off() {
    let (nodes, _, outputs) = declared(everything(), |_| {});
    let board = board(&nodes);
    let titles: Vec<_> =
        board["widgets"].as_array().unwrap().iter().filter_map(|w| w["properties"]["title"].as_str()).collect();
    for title in [
        "Alarms",
        "CPU",
        "Memory",
        "Running tasks",
        "Requests",
        "Response time",
        "Targets",
        "Connections",
        "Free storage",
        "Evictions in 5 minutes",
        "errors in 10 minutes",
    ] {
        assert!(titles.contains(&title), "{title} is not among {titles:?}");
    }
    let limit = |title: &str| {
        let widgets = board["widgets"].as_array().unwrap();
        let widget = widgets.iter().find(|widget| widget["properties"]["title"] == title).unwrap();
        widget["properties"]["annotations"]["horizontal"][0]["value"].clone()
    };
    assert_eq!(limit("CPU"), json!(70));
    assert_eq!(limit("Errors in 5 minutes"), json!(5));
    assert_eq!(limit("Connections"), json!(144));
    assert_eq!(outputs.dashboard.as_deref().map(|name| name.contains("monitoring.dashboard")), Some(true));
    assert!(outputs.dashboard_url.unwrap().ends_with("#dashboards/dashboard/arrakis-production"));
}

#[test]
fn nothing_to_watch_is_no_dashboard() {
    let (nodes, findings, _) = declare_for(&Settings::default(), |inputs| {
        *inputs = Inputs { prefix: "p".into(), region: "us-east-1".into(), ..Inputs::default() };
    });
    assert_eq!(findings, []);
    assert!(nodes.values().all(|node| node.type_name != "AWS::CloudWatch::Dashboard"), "{nodes:?}");
}
