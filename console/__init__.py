"""What Milepost serves over HTTP: webhooks that come in; the web console comes into the same application."""
