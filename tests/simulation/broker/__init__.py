"""A RabbitMQ in memory, as far as this code base knows one: quorum queues, confirms, and connections that break."""
