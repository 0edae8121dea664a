//! The grid of a dashboard, which has 24 columns, and the graphs on it.

use serde_json::{Value, json};

use crate::settings::Alarms;

pub(crate) const COLUMNS: usize = 24;
pub(crate) const HEIGHT: usize = 6;

/// A dashboard on the way: widgets from top to bottom.
pub(crate) struct Page<'a> {
    pub(crate) region: &'a str,
    pub(crate) alarms: &'a Alarms,
    pub(crate) widgets: Vec<Value>,
    /// The first free line.
    pub(crate) y: usize,
}

/// A graph: what a widget shows.
pub(crate) struct Graph {
    title: String,
    metrics: Vec<Value>,
    stat: &'static str,
    period: u32,
    /// The unit's name on the axis.
    axis: &'static str,
    most: Option<f64>,
    /// A line where an alarm goes off.
    limit: Option<f64>,
}

impl Graph {
    pub(crate) fn new(title: impl Into<String>, axis: &'static str, metrics: Vec<Value>) -> Self {
        Self { title: title.into(), metrics, stat: "Average", period: 60, axis, most: None, limit: None }
    }

    pub(crate) fn sum(mut self) -> Self {
        self.stat = "Sum";
        self
    }

    pub(crate) fn period(mut self, seconds: u32) -> Self {
        self.period = seconds;
        self
    }

    pub(crate) fn percent(mut self) -> Self {
        self.most = Some(100.0);
        self
    }

    pub(crate) fn limit(mut self, limit: Option<f64>) -> Self {
        self.limit = limit;
        self
    }
}

/// A number without a fraction where it has none, so that the text is one that any JSON writer gives.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

impl<'a> Page<'a> {
    pub(crate) fn new(region: &'a str, alarms: &'a Alarms) -> Self {
        Self { region, alarms, widgets: Vec::new(), y: 0 }
    }

    pub(crate) fn put(&mut self, kind: &str, x: usize, width: usize, height: usize, properties: Value) {
        let widget =
            json!({ "type": kind, "x": x, "y": self.y, "width": width, "height": height, "properties": properties });
        self.widgets.push(widget);
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.put("text", 0, COLUMNS, 1, json!({ "markdown": format!("## {text}") }));
        self.y += 1;
    }

    /// Graphs side by side over the whole width.
    pub(crate) fn row(&mut self, graphs: Vec<Graph>) {
        let width = COLUMNS / graphs.len().max(1);
        for (index, graph) in graphs.into_iter().enumerate() {
            let properties = self.graph(graph);
            self.put("metric", index * width, width, HEIGHT, properties);
        }
        self.y += HEIGHT;
    }

    fn graph(&self, graph: Graph) -> Value {
        let mut left = json!({ "label": graph.axis, "min": 0, "showUnits": false });
        if let Some(most) = graph.most {
            left["max"] = number(most);
        }
        let mut properties = json!({
            "title": graph.title,
            "view": "timeSeries",
            "stacked": false,
            "region": self.region,
            "metrics": graph.metrics,
            "stat": graph.stat,
            "period": graph.period,
            "yAxis": { "left": left },
        });
        if let Some(limit) = graph.limit.filter(|_| self.alarms.enabled) {
            properties["annotations"] = json!({ "horizontal": [{ "label": "Alarm", "value": number(limit) }] });
        }
        properties
    }
}
