#!/usr/bin/env bash
# Two servers behind nginx, with a PostgreSQL and a Redis of their own, as docs/several-servers.md has it, on this machine
# and in a folder that is gone at the end: to look at. Ctrl-C ends all of it.
#
#     make run-several        PORT (8000) is nginx's, the one behind it Redis's
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PORT:-8000}

for program in nginx redis-server setsid; do
  PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || { echo "$program is needed." >&2; exit 1; }
done
postgres=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -1) || { echo "postgresql is needed." >&2; exit 1; }

folder=$(mktemp -d /tmp/parlance-several-XXXXXX)
chmod 711 "$folder"
ends=() # the commands that end what was started

end() {
  trap - EXIT INT TERM
  for ((i = ${#ends[@]} - 1; i >= 0; i--)); do ${ends[i]} 2>/dev/null || true; done
  wait
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 0' INT TERM

start() { # SIGNAL NAME COMMAND …: in a session of its own, so that Ctrl-C reaches this script alone
  local signal=$1 name=$2
  shift 2
  setsid "$@" >>"$folder/$name.log" 2>&1 &
  ends+=("kill -$signal $!")
}

eventually() { # COMMAND …: until it succeeds, for half a minute
  for _ in $(seq 300); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "It does not start:" >&2
  tail -n 20 "$folder"/*.log >&2
  exit 1
}

as_user=()
mkdir -m 700 "$folder/pg"
if [ "$(id -u)" = 0 ]; then # as whom PostgreSQL refuses to run
  as_user=(setpriv --reuid postgres --regid postgres --clear-groups)
  chown postgres: "$folder/pg"
fi
"${as_user[@]}" "$postgres/initdb" --pgdata "$folder/pg/data" --username parlance --auth trust --encoding UTF8 \
  --no-locale --no-sync >"$folder/initdb.log"
start INT postgres "${as_user[@]}" "$postgres/postgres" -D "$folder/pg/data" -k "$folder/pg" -h ''
eventually "$postgres/createdb" --host "$folder/pg" --username parlance parlance

start TERM redis redis-server --bind 127.0.0.1 --port "$((port + 1))" --save '' --dir "$folder"

export DATABASE_URL="postgresql://parlance@/parlance?host=$folder/pg" REDIS_URL="redis://127.0.0.1:$((port + 1))/0"
export PARLANCE_TRUSTED_HOPS=1
PARLANCE_SECRET_KEY=$(od -An -tx1 -N20 /dev/urandom | tr -d ' \n')
export PARLANCE_SECRET_KEY
for number in 1 2; do
  export PARLANCE_HOME="$folder/$number"
  keys=$([ "$number" = 2 ] || echo --demo-keys)
  .venv/bin/flask prepare $keys
  start QUIT "server-$number" .venv/bin/gunicorn --config config/gunicorn.conf.py --bind "unix:$folder/$number.sock"
done

{
  [ "$(id -u)" != 0 ] || echo "user root;" # who may reach the sockets
  echo "daemon off; pid $folder/nginx.pid; error_log $folder/nginx-errors.log; events { worker_connections 2048; }"
  echo "http { access_log off;"
  for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $folder/$kind;"; done
  # As it is documented, but for TLS, the redirection to it, and names.
  awk -v RS= -v ORS='\n\n' '!/return 301/' config/nginx/parlance.conf |
    sed -e '/ssl_/d' -e '/listen \[/d' -e "s/listen 443 ssl http2/listen 127.0.0.1:$port/" -e '/server_name/d' \
      -e "s#^    server unix:[^ ]*\(.*\)#    server unix:$folder/1.sock\1\n    server unix:$folder/2.sock\1#"
  echo "}"
} >"$folder/nginx.conf"
PATH="$PATH:/usr/sbin" start TERM nginx nginx -c "$folder/nginx.conf" -p "$folder" -e "$folder/nginx-errors.log"

for number in 1 2; do
  eventually curl -fs --unix-socket "$folder/$number.sock" http://localhost/ready
done
eventually curl -fs "http://127.0.0.1:$port/ready"
echo "Serving on http://127.0.0.1:$port, by two servers in $folder (Ctrl-C stops)"
wait -n || true
echo "Something has ended; the last of $folder's logs:" >&2
tail -n 5 "$folder"/*.log >&2
exit 1
