# One image for every service: the argument decides which one a container is, the environment how it runs
# (shared/config.py lists the variables).
#
#   docker run sambandh profiles            events, timers and HTTP in one process
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    HTTP_HOST=0.0.0.0 \
    METRICS_HOST=0.0.0.0

WORKDIR /app

# Before the code, so that a change of code leaves this layer alone. Traces need requirements-tracing.lock (shared/tracing.py).
ARG REQUIREMENTS=requirements.lock
COPY ${REQUIREMENTS} ./requirements.lock
RUN pip install --disable-pip-version-check --require-hashes -r requirements.lock \
    && useradd --system --uid 10001 --no-create-home sambandh

COPY shared ./shared
COPY services ./services

USER 10001

# HTTP_PORT and METRICS_PORT by default.
EXPOSE 8000 9000

ENTRYPOINT ["python", "-m", "shared.run"]
CMD ["--help"]
