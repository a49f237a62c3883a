"""What marshmallow lacks: strict fields, and schemas as JSON Schema. Any room above may use it."""
