//! Text on its way into a page: everything is escaped, and the few marks of the document's own texts become elements.

/// A page while it is written.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Something that is HTML already.
    pub(super) fn raw(&mut self, html: &str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// Plain text, also good within quoted attributes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// A short text between tags of one kind.
    pub(super) fn element(&mut self, tag: &str, text: &str) -> &mut Self {
        self.raw("<").raw(tag).raw(">").marked(text).raw("</").raw(tag).raw(">")
    }

    /// Paragraphs and lists, set apart by empty lines.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        for block in text.split("\n\n").filter(|block| !block.is_empty()) {
            if block.starts_with("- ") {
                self.raw("<ul>");
                for item in block.lines() {
                    self.element("li", item.trim_start_matches("- "));
                }
                self.raw("</ul>");
            } else {
                self.element("p", block);
            }
        }
        self
    }

    /// Text in which `code`, **strong** and *emphasis* are marked.
    fn marked(&mut self, text: &str) -> &mut Self {
        for (index, part) in text.split('`').enumerate() {
            if index % 2 == 1 {
                self.raw("<code>").text(part).raw("</code>");
                continue;
            }
            for (index, part) in part.split("**").enumerate() {
                if index % 2 == 1 {
                    self.raw("<strong>").text(part).raw("</strong>");
                    continue;
                }
                for (index, part) in part.split('*').enumerate() {
                    if index % 2 == 1 {
                        self.raw("<em>").text(part).raw("</em>");
                    } else {
                        self.text(part);
                    }
                }
            }
        }
        self
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_their_marks_become_elements() {
        let mut html = Html::default();
        html.prose("A `<b>` & **more** *or* less\n\n- one\n- two");
        assert_eq!(
            html.finish(),
            "<p>A <code>&lt;b&gt;</code> &amp; <strong>more</strong> <em>or</em> less</p><ul><li>one</li><li>two</li></ul>"
        );
    }
}
