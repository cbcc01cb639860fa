"""Surface for staff's AI agents: tools by MCP, with the rights of the person whose agent it is."""
