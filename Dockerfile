# supervice as an image, on any base: one with Python or without, with glibc or musl, or scratch.
#
#   make bundle && docker build -t supervice .             seconds; without `make bundle` it is built here, five minutes
#   docker build -t supervice --build-arg BASE=alpine .
#   docker build -t supervice --target pip .               a virtual environment, for development and embedding
#
# Works with the classic builder and with BuildKit, so it uses nothing that only one of them knows. The classic builder
# also builds the stages that a target does not need: docker/image.sh leaves those between the two marks out.
ARG BASE=debian:trixie-slim
# Unpacks the bundle: has a shell. It has to be a Debian when the bundle is not built yet.
ARG BUILDER=debian:trixie-slim
# Of the target pip: has Python 3.11 or newer as `python3`, with venv and pip.
ARG PYTHON=python:3.13-slim

# begin pip
FROM ${PYTHON} AS pip-build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# What is downloaded depends on pyproject.toml alone: a change of the code costs no network.
# The image gets no pip of its own; the one of the build environment installs into it.
COPY pyproject.toml ./
RUN python3 -m venv /build \
 && python3 -m venv --without-pip /opt/supervice \
 && python3 -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb')); print(*p['build-system']['requires'], sep='\n', file=open('/build/requires', 'w')); print(*p['project']['dependencies'], sep='\n', file=open('/build/dependencies', 'w'))" \
 && /build/bin/pip install --quiet -r /build/requires \
 && /build/bin/pip --python /opt/supervice/bin/python install --quiet --no-compile -r /build/dependencies
COPY README* LICENSE* ./
COPY docs/man ./docs/man
COPY supervice ./supervice
# The wheel is what is installed, as a user would get it. Bytecode is compiled here since the root
# of a container may be read-only; it is never checked against the source, which never changes.
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /build/wheel . \
 && /build/bin/pip --python /opt/supervice/bin/python install --quiet --no-compile --no-deps --no-index /build/wheel/*.whl \
 && rm -f /opt/supervice/bin/activate* /opt/supervice/bin/Activate* \
 && /opt/supervice/bin/python -m compileall -q -o 0 -o 2 --invalidation-mode unchecked-hash /opt/supervice/lib
# -I: PYTHONPATH and its like in an application's environment are for the application, not for PID 1.
# -S and no script of pip's: a third less to import at each start. And the daemon's first lines block
# signals: as PID 1 it loses those that come before they have handlers.
RUN lib=$(/opt/supervice/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))") \
 && first='#!/opt/supervice/bin/python -IS\n' \
 && block='import _signal\n_signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())\n' \
 && rest='import sys\nsys.path.append("%s")\nfrom supervice.cli.%s import main\nmain()\n' \
 && printf "$first$block$rest" "$lib" main >/opt/supervice/bin/supervice \
 && printf "$first$rest" "$lib" ctl >/opt/supervice/bin/supervicectl
# COPY keeps the modes of the checkout, which a strict umask leaves unreadable for any other user.
COPY docker/supervice.conf /etc/supervice/
COPY docker/completion/ /completion/
RUN mkdir -p /etc/supervice/conf.d \
 && chmod -R a+rX /etc/supervice /opt/supervice /completion

FROM ${PYTHON} AS pip-files
COPY --from=pip-build /opt/supervice /opt/supervice
COPY --from=pip-build /etc/supervice /etc/supervice
COPY --from=pip-build /completion /usr/share/
# The second line imports every module once: official Python images carry no bytecode of the
# standard library, and this keeps what supervice uses of it (a few hundred kilobytes) instead of
# compiling it at each start of a container with a read-only root.
RUN ln -s /opt/supervice/bin/supervice /opt/supervice/bin/supervicectl /usr/local/bin/ \
 && /opt/supervice/bin/python -c "import importlib, pkgutil, supervice; [importlib.import_module(m.name) for m in pkgutil.walk_packages(supervice.__path__, 'supervice.') if not m.name.endswith('__main__')]" \
 && supervice --version && supervicectl --help >/dev/null

FROM pip-files AS pip
ARG VERSION=dev
LABEL org.opencontainers.image.title="supervice" \
      org.opencontainers.image.description="The PID 1 for containers that need more than one process" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
HEALTHCHECK --interval=30s --timeout=5s CMD ["supervicectl", "health"]
ENTRYPOINT ["supervice"]
# end pip

FROM ${BUILDER} AS bundle
WORKDIR /src
COPY docker/bundle/ docker/bundle/
COPY LICENSE build/bundle/*.ta[r] build/bundle/*.input[s] ./
RUN sh docker/bundle/in-image.sh interpreter
COPY supervice/ supervice/
COPY docker/supervice.conf /image/etc/
COPY docker/completion/ /image/share/
# COPY keeps the modes of the checkout, which a strict umask leaves unreadable for any other user.
RUN sh docker/bundle/in-image.sh program \
 && mkdir -p /image/etc/conf.d \
 && chmod -R a+rX /image

FROM ${BASE}
COPY --from=bundle /image/opt/supervice /opt/supervice
COPY --from=bundle /image/etc /etc/supervice
COPY --from=bundle /image/links /usr/local/bin/
COPY --from=bundle /image/share /usr/share/
ARG VERSION=dev
LABEL org.opencontainers.image.title="supervice" \
      org.opencontainers.image.description="The PID 1 for containers that need more than one process" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
HEALTHCHECK --interval=30s --timeout=5s CMD ["supervicectl", "health"]
ENTRYPOINT ["supervice"]
