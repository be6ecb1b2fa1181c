"""How wide are intervals of Fréchet distances? Bootstrap, delete-a-group jackknife and influence functions on made features.

The table in docs/evaluation.md. Features are heavy-tailed with a spectrum k^-P; two generators are paired through common noise.
The truth is the standard deviation over 600 fresh draws of N images; each way of estimating it is tried on 40 draws.

    for a in "32 80 1.2" "32 320 1.2" "64 160 0.8" "32 20 1.2"; do python test/reference/jackknife_coverage.py $a; done
"""

import sys

import numpy as np
from scipy import stats

rng=np.random.default_rng(int(sys.argv[4]) if len(sys.argv)>4 else 0)
d,n,p=int(sys.argv[1]),int(sys.argv[2]),float(sys.argv[3])
lam=np.arange(1,d+1)**-p; lam/=lam.sum()/100
Qx=np.linalg.qr(rng.normal(size=(d,d)))[0]
A=Qx*np.sqrt(lam)            # reals cov
rot=np.linalg.qr(np.eye(d)+0.15*rng.normal(size=(d,d))/np.sqrt(d))[0]
B=rot@A*np.sqrt(1+0.3*rng.random(d)); shift=0.3*A@rng.normal(size=d)/np.sqrt(d)
m=n
R=rng.standard_t(8,size=(m,d))*np.sqrt(6/8)@A.T
mur=R.mean(0); Sr=np.cov(R.T); w,V=np.linalg.eigh(Sr); L=V*np.sqrt(np.maximum(w,0))
def fid(X):
    mu=X.mean(0); Y=(X-mu)@L; k=len(X)
    if k-1<d: s=np.linalg.svd(Y,compute_uv=False).sum()/np.sqrt(k-1)
    else: s=np.sqrt(np.maximum(np.linalg.eigvalsh(Y.T@Y/(k-1)),0)).sum()
    return ((mu-mur)**2).sum()+X.var(0,ddof=1).sum()+np.trace(Sr)-2*s
def draw():
    z=rng.standard_t(8,size=(n,d))*np.sqrt(6/8)
    X=z@B.T+shift
    Y=(z+0.3*rng.normal(size=(n,d)))@B.T*0.97+shift   # paired
    return X,Y
def jack(X,Y,g):
    idx=np.arange(n)%g
    v=np.array([(fid(X[idx!=j]),fid(Y[idx!=j])) for j in range(g)]); D=v[:,1]-v[:,0]
    f=lambda a: np.sqrt((g-1)/g*((a-a.mean())**2).sum())
    return f(v[:,0]),f(D)
def boot(X,Y,b=100):
    v=[]
    for _ in range(b):
        i=rng.integers(0,n,n); v.append((fid(X[i]),fid(Y[i])))
    v=np.array(v); return v[:,0].std(ddof=1),(v[:,1]-v[:,0]).std(ddof=1)
def infl1(X):
    mu=X.mean(0); C=X-mu; Y=C@L; w,V=np.linalg.eigh(Y.T@Y/(n-1)); ok=w>w.max()*1e-12
    U=Y@V[:,ok]; q=(U*U/np.sqrt(w[ok])).sum(1)
    return 2*C@(mu-mur)+(C*C).sum(1)-q
def infl(X,Y):
    a,b=infl1(X),infl1(Y); return a.std()/np.sqrt(n),(b-a).std()/np.sqrt(n)
T=np.array([(lambda X,Y:(fid(X),fid(Y)))(*draw()) for _ in range(600)])
true=T[:,0].std(),(T[:,1]-T[:,0]).std()
print("d",d,"n",n,"p",p,"FID %.2f diff %.3f  true sd %.4f diff %.4f"%(T[:,0].mean(),(T[:,1]-T[:,0]).mean(),*true))
reps=40; res={}
cov={}
for _ in range(reps):
    X,Y=draw(); f0=fid(X); d0=fid(Y)-f0
    for name,fn,tq in [("boot",lambda:boot(X,Y),1.96),("jack10",lambda:jack(X,Y,10),stats.t.ppf(.975,9)),("jack20",lambda:jack(X,Y,20),stats.t.ppf(.975,19)),("jack50",lambda:jack(X,Y,50),stats.t.ppf(.975,49)),("infl",lambda:infl(X,Y),1.96)]:
        s=fn(); res.setdefault(name,[]).append(s)
        cov.setdefault(name,[]).append((abs(f0-T[:,0].mean())<tq*s[0],abs(d0-(T[:,1]-T[:,0]).mean())<tq*s[1]))
for k,v in res.items():
    v=np.array(v)/true; c=np.array(cov[k]).mean(0)
    print("  %-7s sd/true %.2f ±%.2f | diff %.2f ±%.2f | coverage %.2f %.2f"%(k,v[:,0].mean(),v[:,0].std(),v[:,1].mean(),v[:,1].std(),*c))
