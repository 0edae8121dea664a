//! A small XML tree: enough to read and change AWS's answers, where attributes are only namespaces and order matters little.

use quick_xml::Reader;
use quick_xml::events::Event;

/// An element with its text or its children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub name: String,
    /// The attributes as written.
    attributes: String,
    text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// An element with text.
    pub fn leaf(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), ..Self::default() }
    }

    /// An element with children.
    pub fn branch(name: &str, children: Vec<Self>) -> Self {
        Self { name: name.to_owned(), children, ..Self::default() }
    }

    /// Reads a document. None if it is not well-formed.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(bytes);
        let mut open: Vec<Self> = Vec::new();
        loop {
            let (element, ended) = match reader.read_event().ok()? {
                Event::Start(start) => {
                    let name = str::from_utf8(start.name().into_inner()).ok()?.to_owned();
                    let attributes = str::from_utf8(start.attributes_raw()).ok()?.trim_end().to_owned();
                    open.push(Self { name, attributes, ..Self::default() });
                    continue;
                }
                Event::Empty(start) => {
                    let name = str::from_utf8(start.name().into_inner()).ok()?.to_owned();
                    let attributes = str::from_utf8(start.attributes_raw()).ok()?.trim_end().to_owned();
                    (Self { name, attributes, ..Self::default() }, true)
                }
                Event::End(_) => (open.pop()?, true),
                Event::Text(text) => {
                    if let Some(parent) = open.last_mut() {
                        parent.text.push_str(&text.decode().ok()?);
                    }
                    continue;
                }
                Event::GeneralRef(reference) => {
                    let name = reference.decode().ok()?;
                    let resolved = match reference.resolve_char_ref().ok()? {
                        Some(character) => character.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&name)?.to_owned(),
                    };
                    open.last_mut()?.text.push_str(&resolved);
                    continue;
                }
                Event::CData(data) => {
                    open.last_mut()?.text.push_str(&data.decode().ok()?);
                    continue;
                }
                Event::Eof => return None,
                _ => continue,
            };
            if ended {
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Some(element),
                }
            }
        }
    }

    /// Writes a document.
    pub fn write(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write_to(&mut text);
        text
    }

    fn write_to(&self, out: &mut String) {
        let (name, attributes) = (&self.name, &self.attributes);
        out.push('<');
        out.push_str(name);
        if !attributes.is_empty() {
            out.push(' ');
            out.push_str(attributes.trim_start());
        }
        if self.children.is_empty() && self.text.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        if self.children.is_empty() {
            out.push_str(&quick_xml::escape::partial_escape(self.text.as_str()));
        }
        for child in &self.children {
            child.write_to(out);
        }
        out.push_str("</");
        out.push_str(name);
        out.push('>');
    }

    /// Its text, without surrounding white space.
    pub fn text(&self) -> String {
        self.text.trim().to_owned()
    }

    /// A direct child.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// A direct child, to be changed.
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.children.iter_mut().find(|child| child.name == name)
    }

    /// The text of a direct child.
    pub fn get(&self, name: &str) -> Option<String> {
        self.child(name).map(Self::text)
    }

    /// The first element of this name at any depth.
    pub fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| if child.name == name { Some(child) } else { child.find(name) })
    }

    /// The same, to be changed.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Self> {
        for child in &mut self.children {
            if child.name == name {
                return Some(child);
            }
            if let Some(found) = child.find_mut(name) {
                return Some(found);
            }
        }
        None
    }

    /// Sets the text of a direct child, made if missing.
    pub fn set(&mut self, name: &str, text: &str) {
        match self.child_mut(name) {
            Some(child) => {
                child.children.clear();
                text.clone_into(&mut child.text);
            }
            None => self.children.push(Self::leaf(name, text)),
        }
    }

    /// Removes the direct children of this name.
    pub fn remove(&mut self, name: &str) {
        self.children.retain(|child| child.name != name);
    }

    /// The elements of this name at any depth, not within one another.
    pub fn each(&self, name: &str, visit: &mut dyn FnMut(&Self)) {
        for child in &self.children {
            if child.name == name { visit(child) } else { child.each(name, visit) }
        }
    }

    /// The same, to be changed.
    pub fn each_mut(&mut self, name: &str, visit: &mut dyn FnMut(&mut Self)) {
        for child in &mut self.children {
            if child.name == name { visit(child) } else { child.each_mut(name, visit) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"<?xml version="1.0"?>
<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <vpcSet>
    <item><vpcId>vpc-1</vpcId><tagSet><item><key>a&amp;b &#60;</key><value/></item></tagSet></item>
  </vpcSet>
</DescribeVpcsResponse>"#;

    #[test]
    fn reads_changes_and_writes() {
        let mut root = Element::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(root.find("key").unwrap().text(), "a&b <");
        assert_eq!(root.child("vpcSet").unwrap().child("item").unwrap().get("vpcId").unwrap(), "vpc-1");
        root.find_mut("item").unwrap().set("state", "pending");
        root.find_mut("item").unwrap().remove("tagSet");
        let again = Element::parse(root.write().as_bytes()).unwrap();
        assert_eq!(again.find("state").unwrap().text(), "pending");
        assert!(again.find("tagSet").is_none());
        assert!(root.write().contains("xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""));
    }

    #[test]
    fn broken_is_none() {
        for text in ["", "<a>", "<a></b>", "text", "{}"] {
            assert!(Element::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
