/**
 * What people do with files, as shell scripts: in directory A, which the script starts in, and B, the same directory seen by
 * another mount. What they print is compared with what they print on a directory of the kernel's.
 *
 * Left out is what GlusterFS's FUSE client does in another way whatever the bricks say: it turns FALLOC_FL_ZERO_RANGE into a
 * plain fallocate, and counts no blocks beyond the end of a file.
 */
export const shellStories: Readonly<Record<string, string>> = {
  'moves, also onto what is there': `
    mkdir -p a/b c; echo one > a/f; mv a/f c/g; st $B/c/g; mv a/b c/; ls -R a c
    echo two > a/x; echo three > c/x; mv a/x c/x; cat $B/c/x; mv c a/; ls a; mv a/c .
    ln c/x c/y; mv c/x c/y; ls c; st c/y
    mkdir -p q/full; touch q/full/z; mkdir q/e; mv -T q/e q/full; echo $?; mv -T q/full q/e; echo $?; ls -R q
    mv a a/x; mv q/nope q/nope2; mkdir a/deep; mv c a/deep; mv $B/a/deep/c/y $B; cat y`,
  'modes and owners': `
    touch m; for mode in 0 777 4755 2711 1777 644; do chmod $mode m; stat -c %a $B/m; done
    chown 12:34 m; st m; chmod 6755 m; chown 13 m; st $B/m; chmod u=rw,go= m; st m
    ln -s m s; chown -h 5:6 s; st s m
    mkdir g; chgrp 1234 g; chmod 2775 g; touch g/f; mkdir g/d; st g/f g/d; umask 077; touch g/u; st g/u`,
  'truncation and holes': `
    head -c 100000 /dev/zero | tr '\\0' A > t; truncate -s 50 t; st $B/t; truncate -s 200000 t; md5sum < $B/t
    truncate -s 0 t; st t; truncate -s 3G t; st $B/t; tail -c 5 $B/t | od -c; rm t
    fallocate -l 1M fa; st $B/fa; fallocate -n -o 1M -l 1M fa; st fa
    head -c 300000 /dev/zero | tr '\\0' B > fb; fallocate -p -o 4096 -l 8192 fb; echo $?; st fb; md5sum < $B/fb
    printf x | dd of=h bs=1 seek=1000000 status=none; cp --sparse=always h $B/h2; cmp h h2; st h2`,
  'appending from both sides': `
    for i in 1 2 3 4 5; do
      echo line$i | dd of=ap oflag=append conv=notrunc status=none
      echo other$i | dd of=$B/ap oflag=append conv=notrunc status=none
    done
    cat ap; st $B/ap; exec 8>>ap 9>>$B/ap; for i in 1 2 3; do echo a$i >&8; echo b$i >&9; done; exec 8>&- 9>&-; cat ap`,
  'direct and synchronous output': `
    head -c 1M /dev/zero | tr '\\0' D > src; dd if=src of=di bs=64k oflag=direct status=none; echo $?
    dd if=$B/di bs=128k iflag=direct status=none | md5sum
    dd if=src of=di bs=4096 count=3 seek=7 oflag=direct,sync conv=notrunc,fsync status=none; st di; md5sum < $B/di
    echo x | dd of=$B/di bs=1 seek=5 conv=notrunc,fdatasync status=none; md5sum < di; sync di; echo $?`,
  'special files': `
    mkfifo p; (echo through > p &); cat p; mknod n c 1 3; mknod b b 7 200; stat -c '%F %t %T' $B/n $B/b p
    echo gone > n && echo written; ln -s $(printf 'x%.0s' $(seq 1000)) long; readlink $B/long | wc -c
    ln -s rel/../x s; readlink $B/s; ln -s loop loop; cat loop; ln -s s s2; readlink -m s2 | sed s,.*/,,`,
  'links and open files without a name': `
    mkdir a; echo l > l1; ln l1 l2; ln l1 a/l3; st $B/l1; rm l1; st l2 a/l3; echo more >> a/l3; cat $B/l2
    ln -s l2 s; ln s s2; st $B/s2; ln a al
    exec 9<>un; echo hello >&9; rm un; ls un; echo there >&9; cat /proc/self/fd/9; exec 9>&-; ls -A
    exec 9<>un; echo hello >&9; rm $B/un; echo there >&9; cat /proc/self/fd/9; truncate -s 3 /proc/self/fd/9; cat /proc/self/fd/9; exec 9>&-`,
  'what must fail': `
    mkdir a; touch a/f l2; rmdir a; mkdir a; cat nope; rm a; touch $(printf 'n%.0s' $(seq 256)); cd l2; rmdir l2
    : > a; chmod 1 nope; truncate -s -1 l2; cat a; ln nope x; mv nope x; mkdir nope/x; touch l2/x; readlink a; ls l2/`,
  'names of all kinds': `
    touch "$(printf 'n%.0s' $(seq 255))"; ls $B | wc -L; touch $'nl\\n' $'\\xff\\xfe' ' ' '*' 'ünï' ./-x '\\' '"' '..x' '.hidden' '...'
    ls -bA $B; rm ./-x '*'; ls -bA; mv $'\\xff\\xfe' $'\\xfe'; cd $B; stat -c %n $'\\xfe' | od -c`,
  'searching and times': `
    mkdir d; touch d/f; truncate -s 200k big; chmod 600 big; ln d/f d/g; ln -s x d/s; touch -d 2001-01-01 d/f
    find . -type f -size +100k; find . -links 2 -type f | sort; find $B -perm 600 -printf '%f\\n'; find . -type l; find . -newermt 2002-01-01 -type f
    for t in @1000000000.123456789 @-1000 2200-01-01; do touch -d $t tt; stat -c '%y %x' $B/tt; done
    touch -a -d @5 tt; stat -c '%Y %X' $B/tt; touch -m -d @7 tt; stat -c '%Y %X' $B/tt; touch -h -d @77 d/s; stat -c %Y $B/d/s
    touch -d 2003-03-03 d; cp -p big $B/big2; test big -nt $B/big2; echo $?; test big2 -nt big; echo $?; stat -c %Y $B/d`,
  'extended attributes': `
    touch m; setfattr -n user.a -v 1 m; setfattr -n user.b -v 2 m; setfattr -n user.e m; getfattr -d m; setfattr -x user.a m
    cd $B; getfattr -d m; cd $A; setfattr -x user.a m; getfattr -n user.zz m; ln -s m s; setfattr -h -n user.l -v x s
    setfattr -n trusted.x -v 0x0001ff m; getfattr -e hex -n trusted.x m; setfattr -n bogus.x -v 1 m
    setfattr -n user.$(printf 'n%.0s' $(seq 251)) -v 1 m; getfattr -n user.b --only-values m; setfattr -n user.b -v 33 m; getfattr -d m
    mkdir d; setfattr -n user.d -v dir d; getfattr -d d; cp -a m n; getfattr -d n`,
  'ordinary work': `
    seq 20000 > seq; sort -r seq | tail -1; sha1sum < $B/seq; sed -i s/1/one/ seq; sha1sum < $B/seq; gzip -k seq
    gunzip -c $B/seq.gz | sha1sum; mkdir a; cp seq a; tar cf t.tar a seq; mkdir x; tar xf $B/t.tar -C x; diff -r a x/a && echo same
    cp --reflink=auto seq rf; cmp seq $B/rf && echo same; split -n 3 seq part; cat part* | cmp - seq && echo same; tac seq > $B/tac; head -1 tac`,
  'a directory of many': `
    mkdir many; (cd many; seq 250 | xargs touch); ls $B/many | wc -l; ls -f $B/many | sort | uniq -d
    (cd $B/many; rm 1*; ls | wc -l); rm -r many; ls $B`,
  'locks of both kinds': `
    lock='use Fcntl; ($f,$t,$s,$n,$hold)=@ARGV; open F,"+<",$f or die; $t=$t eq "r"?F_RDLCK:F_WRLCK;
      print fcntl(F,F_SETLK,pack("s s x4 q q i x4",$t,0,$s,$n,0))?"locked\\n":"refused $!\\n"; $|=1; print ""; if($hold){print "held\\n"; <STDIN>}'
    echo x > f; mkfifo $TMP/go $TMP/said
    perl -e "$lock" f w 0 10 1 < $TMP/go > $TMP/said & exec 8> $TMP/go 9< $TMP/said; read a <&9; read b <&9; echo $a $b
    perl -e "$lock" $B/f w 5 10; perl -e "$lock" $B/f w 10 10; perl -e "$lock" $B/f r 0 1; exec 8>&-; wait; perl -e "$lock" $B/f w 0 100
    flock f sh -c "flock -n $B/f echo got it; echo \\$?; flock -n -s $B/f true; echo \\$?"; flock -n $B/f echo free
    flock -s f sh -c "flock -n -s $B/f echo shared; flock -n $B/f echo no; echo \\$?"`,
  'other users': `
    nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'
    mkdir -m 777 open; mkdir -m 700 closed; mkdir -m 1777 sticky; echo secret > open/secret; chmod 600 open/secret; echo x > closed/f
    cd open; $nobody sh -c 'cat secret; echo > secret; echo mine > mine; chmod 600 mine; cat mine; chown 0 mine; chmod 644 secret; mkdir d
      mknod c c 1 3; mkfifo ff; touch -d 2001-01-01 secret; cat ../closed/f; ls ../closed; touch ../closed/g; truncate -s 0 secret
      setfattr -n user.x -v 1 secret; setfattr -n user.x -v 1 mine; setfattr -n trusted.x -v 1 mine'
    stat -c '%n %a %u:%g %s' $B/open/*; $nobody rm -f secret; ls $B/open
    setpriv --reuid 65534 --regid 1 --groups 4242 sh -c 'mkdir ggg; chgrp 4242 ggg && echo member; chgrp 4243 ggg'; st ggg
    cd ..; echo r > g; chown 0:4242 g; chmod 640 g; setpriv --reuid 65534 --regid 1 --groups 4242 cat g; $nobody cat g`,
  'access control lists': `
    nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'; other='setpriv --reuid 65533 --regid 65533 --clear-groups'
    echo a > t; chmod 0 t
    setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000400feff000004000000ffffffff10000400ffffffff20000000ffffffff t
    stat -c %a $B/t; $nobody cat t; $other cat t; $nobody sh -c 'echo > t'; getfattr -e hex -n system.posix_acl_access t
    chmod g= t; $nobody cat t; chmod g=r t; $nobody cat t; setfattr -x system.posix_acl_access t; $nobody cat t; stat -c %a t
    mkdir d; setfattr -n system.posix_acl_default -v 0x0200000001000700ffffffff02000600feff000004000500ffffffff10000700ffffffff20000000ffffffff d
    touch d/f; mkdir d/s; stat -c %a $B/d/f $B/d/s; getfattr -e hex -m system.posix_acl -d d/f; getfattr -e hex -m system.posix_acl -d d/s`,
};

/** What every story may use. */
export const storyPrologue = `
export LC_ALL=C.UTF-8; umask 022
st() { stat -c '%n %F %a %u:%g %h %s' "$@" 2>&1; }
cd $A
`;

/** Makes a tree with some of everything in the directory that it starts in. */
export const growTree = `
set -e
for i in $(seq 12); do
  mkdir -p dir$i/sub
  for j in $(seq 9); do head -c $((i*j*97)) /dev/urandom > dir$i/f$j; done
  ln -s ../dir$i/f1 dir$i/sub/link; ln dir$i/f2 dir$i/sub/hard; mkfifo dir$i/fifo
done
chmod 4755 dir1/f1; chmod 2775 dir2; chmod 1777 dir3; chmod 0 dir4/f1; chmod 600 dir5/f2
chown 1000:1001 dir6/f1 dir6; chown -h 1000:1001 dir6/sub/link
touch -d '2001-02-03 04:05:06.789' dir7/f1; touch -d 1999-01-01 dir7
setfattr -n user.colour -v blue dir8/f1; setfattr -n user.big -v "$(head -c 2000 /dev/zero | tr '\\0' x)" dir8
setfattr -n trusted.mine -v 0x00ff dir8/f2
setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000400feff000004000000ffffffff10000400ffffffff20000000ffffffff dir8/f3
: > dir9/empty; ln -s /nonexistent/absolute dir9/dangling; mkdir -p a/b/c/d/e/f/g/h/i/j; echo deep > a/b/c/d/e/f/g/h/i/j/k
printf x > $'odd \\n name \\xff'; truncate -s 5M sparse; mknod dev c 1 3`;

/** All that can be told of the tree in the directory that it starts in: what cp -a keeps, and the contents. */
export const describeTree = `
set -e; export LC_ALL=C
find . -type d -printf '%P|%y|%m|%U|%G|%T@\\n' -o -printf '%P|%y|%m|%U|%G|%T@|%n|%s|%l\\n' | sort
find . -type f -print0 | sort -z | xargs -0 sha256sum
find . -print0 | sort -z | xargs -0 getfattr -h -d -m '^user|^trusted.mine|^system.posix_acl'`;
